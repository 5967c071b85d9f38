// The SDK's low-level Server around a ToolSet: tools/list and tools/call are ours, initialize and ping the SDK's. Both come in
// by the fallback handler, because the SDK's own registration parses every call and every result three times over.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type {
  CallToolResult,
  Implementation,
  JSONRPCRequest,
  ProgressToken,
  ServerCapabilities,
} from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { failureTable } from "../failure.ts";
import { defaultEdgeLimits, type EdgeLimits } from "./limits.ts";
import { INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND } from "./messages.ts";
import { Progress } from "./progress.ts";
import { ProtocolError } from "./tool.ts";
import type { CallAccount, ToolSet } from "./tool-set.ts";

/** How the server presents itself, in `initialize` and in `server/discover` alike. */
export type ServerDescription = {
  readonly info: Implementation;
  readonly capabilities: ServerCapabilities;
  readonly instructions?: string;
};

export type McpServerOptions = {
  readonly description: ServerDescription;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly limits?: Partial<EdgeLimits>;
};

type Extra = Parameters<NonNullable<Server["fallbackRequestHandler"]>>[1];

export function createMcpServer(tools: ToolSet, options: McpServerOptions): Server {
  const { description, clock, emit } = options;
  const { info, ...rest } = description;
  const limits = { ...defaultEdgeLimits, ...options.limits };
  const newRequestId = createRequestIds();
  const names = new Set(tools.list().map((tool) => tool.name));
  const server = new Server(info, rest);
  server.onerror = (error) => emit({ type: "request.failed", requestId: newRequestId(), error });

  async function callTool(request: JSONRPCRequest, extra: Extra): Promise<CallToolResult> {
    const { name, arguments: args } = request.params ?? {};
    if (typeof name !== "string") throw new ProtocolError(INVALID_PARAMS, 'Invalid params: "name" must be a string.');
    const requestId = newRequestId();
    const principal = extra.authInfo?.clientId ?? "";
    const account: CallAccount = { spentMs: null, failure: undefined };
    const startedMs = arrivalOf(extra) ?? clock.monotonicMs();
    const tell = (end: string) => {
      const outcome = extra.signal.aborted ? "canceled" : (account.failure ?? end);
      const durationMs = clock.monotonicMs() - startedMs;
      const wireMs = account.spentMs === null ? null : Math.max(0, durationMs - account.spentMs);
      const tool = names.has(name) ? name : "unknown";
      emit({ type: "call.ended", requestId, tool, principal, outcome, durationMs, wireMs });
    };
    const token = extra._meta?.progressToken;
    using progress = token === undefined ? undefined : startProgress(token, extra);
    try {
      const result = await tools.call(name, args, {
        principal,
        audience: extra.authInfo?.extra?.audience === "program" ? "program" : "agent",
        signal: extra.signal,
        requestId,
        account,
        progress: progress === undefined ? ignore : (message) => progress.report(message),
      });
      tell(result.isError ? "unsuccessful" : "success");
      return result;
    } catch (error) {
      if (hasCode(error) || extra.signal.aborted) {
        tell("protocol_error");
        throw error;
      }
      emit({ type: "request.failed", requestId, error });
      tell("internal");
      throw internalError(requestId, error);
    }
  }

  function startProgress(token: ProgressToken, extra: Extra): Progress {
    const send = (params: { progressToken: ProgressToken; progress: number; message?: string }) => {
      extra.sendNotification({ method: "notifications/progress", params }).catch(ignore);
    };
    return new Progress({ token, send, clock, limits });
  }

  server.fallbackRequestHandler = async (request, extra) => {
    if (request.method === "tools/call") return callTool(request, extra);
    if (request.method === "tools/list") return { tools: [...tools.list()] };
    const shown = request.method.length <= 80 ? request.method : `${request.method.slice(0, 80)}…`;
    throw new ProtocolError(METHOD_NOT_FOUND, `Method not found: ${shown}`);
  };
  return server;
}

/** When the request came, if who received it has said so (transport.ts). */
function arrivalOf({ authInfo }: Extra): number | undefined {
  const arrivedMs = authInfo?.extra?.arrivedMs;
  return typeof arrivedMs === "number" ? arrivedMs : undefined;
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
function createRequestIds(): () => string {
  const prefix = crypto.randomUUID().slice(0, 8);
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** An own property: a DOMException inherits a numeric `code` that means nothing to a client. */
function hasCode(error: unknown): boolean {
  return error instanceof Error && Object.hasOwn(error, "code") && "code" in error && Number.isSafeInteger(error.code);
}

function ignore(): void {}
