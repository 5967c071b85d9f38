// One call of a tool, from its request to its result or its error: what the tool is told of who calls, and what is told of the call.

import type { CallToolResult, JSONRPCErrorResponse } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { failureTable } from "../failure.ts";
import type { Audience, Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";
import { INTERNAL_ERROR, INVALID_PARAMS, isRequestId, metaOf } from "./messages.ts";
import { Progress, type ProgressParams } from "./progress.ts";
import { ProtocolError } from "./tool.ts";
import type { CallAccount, CallContext, ToolSet } from "./tool-set.ts";

export type CallsOptions = { readonly clock: Clock; readonly emit: Emit; readonly limits: EdgeLimits };

export type SendProgress = (exchange: Exchange, params: ProgressParams) => void;

/** Throws, or rejects, only with errors that have a `code` of their own, unless the call has been cancelled. */
export type CallTool = (
  exchange: Exchange,
  caller: Caller,
  sendProgress: SendProgress,
) => CallToolResult | Promise<CallToolResult>;

export function createCalls(tools: ToolSet, options: CallsOptions): CallTool {
  const { clock, limits } = options;
  const newRequestId = createRequestIds();
  const names = new Set(tools.list().map((tool) => tool.name));
  return (exchange, caller, sendProgress) => {
    const { name, arguments: args } = exchange.request.params ?? {};
    if (typeof name !== "string") throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "name" must be a string.');
    const token = metaOf(exchange.request.params)?.progressToken;
    const send = (params: ProgressParams) => sendProgress(exchange, params);
    const progress = isRequestId(token) ? new Progress({ token, send, clock, limits }) : undefined;
    const tool = names.has(name) ? name : "unknown";
    const call = new Call({ ...options, exchange, caller, tool, requestId: newRequestId(), progress });
    try {
      const result = tools.call(name, args, call);
      return result instanceof Promise ? result.then(call.succeed, call.fail) : call.succeed(result);
    } catch (error) {
      return call.fail(error);
    }
  };
}

type CallParts = Omit<CallsOptions, "limits"> & {
  readonly exchange: Exchange;
  readonly caller: Caller;
  /** "unknown" if it is none of ours. */
  readonly tool: string;
  readonly requestId: string;
  readonly progress: Progress | undefined;
};

class Call implements CallContext {
  readonly requestId: string;
  readonly account: CallAccount = { spentMs: null, failure: undefined };
  readonly #parts: CallParts;
  readonly #startedMs: number;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.requestId = parts.requestId;
    this.#startedMs = parts.caller.arrivedMs ?? parts.clock.monotonicMs();
  }

  get principal(): string {
    return this.#parts.caller.principal;
  }

  get audience(): Audience {
    return this.#parts.caller.audience ?? "agent";
  }

  get signal(): AbortSignal {
    return this.#parts.exchange.signal;
  }

  readonly progress = (message: string): void => {
    this.#parts.progress?.report(message);
  };

  readonly succeed = (result: CallToolResult): CallToolResult => {
    this.#end(result.isError ? "unsuccessful" : "success");
    return result;
  };

  readonly fail = (error: unknown): never => {
    if (hasCode(error) || this.#parts.exchange.isCancelled) {
      this.#end("protocol_error");
      throw error;
    }
    this.#parts.emit({ type: "request.failed", requestId: this.requestId, error });
    this.#end("internal");
    throw internalError(this.requestId, error);
  };

  #end(end: string): void {
    const { exchange, clock, emit, tool, progress } = this.#parts;
    progress?.[Symbol.dispose]();
    const { spentMs, failure } = this.account;
    const outcome = exchange.isCancelled ? "canceled" : (failure ?? end);
    const durationMs = clock.monotonicMs() - this.#startedMs;
    const wireMs = spentMs === null ? null : Math.max(0, durationMs - spentMs);
    const { requestId, principal } = this;
    emit({ type: "call.ended", requestId, tool, principal, outcome, durationMs, wireMs });
  }
}

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
