// One call of a tool, from its request to its result or its error: what the tool is told of who calls, and what is told of the call.

import type { JSONRPCErrorResponse, Result } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { failureTable } from "../failure.ts";
import type { Audience, Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";
import { INTERNAL_ERROR, INVALID_PARAMS, isRequestId, metaOf } from "./messages.ts";
import { Progress, type ProgressParams } from "./progress.ts";
import type { Notify } from "./tasks/requests.ts";
import { declaresTasks } from "./tasks/wire.ts";
import { ProtocolError } from "./tool.ts";
import type { CallAccount, CallContext, ToolAnswer, ToolSet } from "./tool-set.ts";

export type CallsOptions = { readonly clock: Clock; readonly emit: Emit; readonly limits: EdgeLimits };

/** Throws, or rejects, only with errors that have a `code` of their own, unless the call has been cancelled. */
export type CallTool = (exchange: Exchange, caller: Caller, notify: Notify) => ToolAnswer | Promise<ToolAnswer>;

/** What a call is to carry out, under the name that it has in log and metrics. Throws, or rejects, as CallTool does. */
export type CarryOut = <R extends Result>(
  name: string,
  exchange: Exchange,
  caller: Caller,
  notify: Notify,
  work: (context: CallContext) => R | Promise<R>,
) => R | Promise<R>;

export function createCalls(tools: ToolSet, carryOut: CarryOut): CallTool {
  const names = new Set(tools.list().map((tool) => tool.name));
  return (exchange, caller, notify) => {
    const { name, arguments: args } = exchange.request.params ?? {};
    if (typeof name !== "string") throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "name" must be a string.');
    const tool = names.has(name) ? name : "unknown";
    return carryOut(tool, exchange, caller, notify, (context) => tools.call(name, args, context));
  };
}

export function createCarryOut(options: CallsOptions): CarryOut {
  const newRequestId = createRequestIds();
  return (name, exchange, caller, notify, work) => {
    const call = new Call(options, exchange, caller, name, newRequestId(), notify);
    try {
      const result = work(call);
      if (!(result instanceof Promise)) return call.succeed(result);
      return result.then(
        (late) => call.succeed(late),
        (error: unknown) => call.fail(error),
      );
    } catch (error) {
      return call.fail(error);
    }
  };
}

class Call implements CallContext {
  readonly principal: string;
  readonly audience: Audience;
  readonly takesLinks: boolean;
  readonly requestId: string;
  readonly account: CallAccount = { spentMs: null, failure: undefined };
  readonly progress: (message: string) => void;
  readonly #options: CallsOptions;
  readonly #exchange: Exchange;
  /** "unknown" if it is none of ours. */
  readonly #tool: string;
  readonly #startedMs: number;
  readonly #progress: Progress | undefined;

  constructor(
    options: CallsOptions,
    exchange: Exchange,
    caller: Caller,
    tool: string,
    requestId: string,
    notify: Notify,
  ) {
    this.#options = options;
    this.#exchange = exchange;
    this.#tool = tool;
    this.principal = caller.principal;
    this.audience = caller.audience ?? "agent";
    this.takesLinks = caller.takesLinks ?? true;
    this.requestId = requestId;
    this.#startedMs = caller.arrivedMs ?? options.clock.monotonicMs();
    const progress = startProgress(options, exchange, notify);
    this.#progress = progress;
    this.progress = progress === undefined ? ignore : (message) => progress.report(message);
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  get mayBecomeTask(): boolean {
    return declaresTasks(this.#exchange.request);
  }

  succeed<R extends Result>(result: R): R {
    this.#end(result.isError ? "unsuccessful" : "success");
    return result;
  }

  fail(error: unknown): never {
    if (hasCode(error) || this.#exchange.isCancelled) {
      this.#end("protocol_error");
      throw error;
    }
    this.#options.emit({ type: "request.failed", requestId: this.requestId, error });
    this.#end("internal");
    throw internalError(this.requestId, error);
  }

  #end(end: string): void {
    const { clock, emit } = this.#options;
    this.#progress?.[Symbol.dispose]();
    const { spentMs, failure } = this.account;
    const outcome = this.#exchange.isCancelled ? "canceled" : (failure ?? end);
    const durationMs = clock.monotonicMs() - this.#startedMs;
    const wireMs = spentMs === null ? null : Math.max(0, durationMs - spentMs);
    const { requestId, principal } = this;
    emit({ type: "call.ended", requestId, tool: this.#tool, principal, outcome, durationMs, wireMs });
  }
}

/** Undefined if the client asked for no progress. */
function startProgress({ clock, limits }: CallsOptions, exchange: Exchange, notify: Notify): Progress | undefined {
  const token = metaOf(exchange.request.params)?.progressToken;
  if (!isRequestId(token)) return undefined;
  const send = (params: ProgressParams) => {
    notify(exchange, { jsonrpc: "2.0", method: "notifications/progress", params });
  };
  return new Progress({ token, send, clock, limits });
}

function ignore(): void {}

/** Says nothing but where in the log to look. */
function internalError(requestId: string, cause: unknown): ProtocolError {
  const { prefix, errorCode, category, severity, advice } = failureTable.internal;
  const message = `${prefix}: the call failed unexpectedly, request id ${requestId}. ${advice}`;
  const data = {
    error_code: errorCode,
    category,
    severity,
    recovery_suggestions: [advice],
    context: { request_id: requestId },
  };
  return new ProtocolError(INTERNAL_ERROR, message, { data, cause });
}

/** Unique in this process's life and, by the random part, in the log of several. */
export function createRequestIds(): () => string {
  const prefix = crypto.randomUUID().slice(0, 8);
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** The error as a response tells it: what has no `code` of its own is nobody's business. */
export function wireErrorOf(error: unknown): JSONRPCErrorResponse["error"] {
  if (!hasCode(error)) return { code: INTERNAL_ERROR, message: "Internal error" };
  const { code, message, data } = error;
  return data === undefined ? { code, message } : { code, message, data };
}

/** An own property: a DOMException inherits a numeric `code` that means nothing to a client. */
function hasCode(error: unknown): error is Error & { readonly code: number; readonly data?: unknown } {
  return error instanceof Error && Object.hasOwn(error, "code") && "code" in error && Number.isSafeInteger(error.code);
}
