// The SDK's low-level Server around a ToolSet: initialize and ping are the SDK's, tools and resources ours. Those do not come in by the
// SDK, which takes ten promises, an AbortController and three schemas to hand a request to who answers it: the transport asks for them here.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Implementation, Result, ServerCapabilities, Tool } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Caller } from "./caller.ts";
import { type CallTool, type CarryOut, createCalls, createCarryOut, createRequestIds } from "./calls.ts";
import type { Exchange } from "./exchange.ts";
import { defaultEdgeLimits, type EdgeLimits } from "./limits.ts";
import { METHOD_NOT_FOUND } from "./messages.ts";
import { isOf2026 } from "./meta-2026.ts";
import { withoutHeaders } from "./param-headers.ts";
import { answerAboutResources } from "./resources/requests.ts";
import { answerAboutTasks, type Notify } from "./tasks/requests.ts";
import { ProtocolError } from "./tool.ts";
import type { ToolSet } from "./tool-set.ts";

/** How the server presents itself, in `initialize` and in `server/discover` alike. */
export type ServerDescription = {
  readonly info: Implementation;
  readonly capabilities: ServerCapabilities;
  /** Told in `server/discover` alone: older revisions have no such capabilities. */
  readonly extensions?: Readonly<Record<string, object>>;
  readonly instructions?: string;
};

export type McpServerOptions = {
  readonly description: ServerDescription;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly limits?: Partial<EdgeLimits>;
};

export class ToolServer extends Server {
  readonly #tools: ToolSet;
  /** For the revisions before 2026-07-28. */
  readonly #plainTools: readonly Tool[];
  readonly #carryOut: CarryOut;
  readonly #call: CallTool;

  constructor(tools: ToolSet, { description, clock, emit, limits }: McpServerOptions) {
    const { info, extensions: _, ...rest } = description;
    super(info, rest);
    this.#tools = tools;
    this.#plainTools = withoutHeaders(tools.list());
    this.#carryOut = createCarryOut({ clock, emit, limits: { ...defaultEdgeLimits, ...limits } });
    this.#call = createCalls(tools, this.#carryOut);
    const newRequestId = createRequestIds();
    this.onerror = (error) => emit({ type: "request.failed", requestId: newRequestId(), error });
    this.fallbackRequestHandler = async ({ method }) => {
      const shown = method.length <= 80 ? method : `${method.slice(0, 80)}…`;
      throw new ProtocolError(METHOD_NOT_FOUND, `Method not found: ${shown}`);
    };
  }

  /** Undefined: the request is the SDK's. Throws, or rejects, as CallTool does. */
  answer(exchange: Exchange, caller: Caller, notify: Notify): Result | Promise<Result> | undefined {
    const { request } = exchange;
    switch (request.method) {
      case "tools/call":
        return this.#call(exchange, caller, notify);
      case "tools/list":
        return { tools: [...(isOf2026(request) ? this.#tools.list() : this.#plainTools)] };
      default:
        return this.#answerAboutResources(exchange, caller, notify) ?? this.#answerAboutTasks(exchange, caller, notify);
    }
  }

  #answerAboutResources(exchange: Exchange, caller: Caller, notify: Notify): Result | Promise<Result> | undefined {
    const { resources } = this.#tools;
    if (resources === undefined) return undefined;
    return answerAboutResources(resources, exchange, this.#carryOut, caller, notify);
  }

  #answerAboutTasks(exchange: Exchange, caller: Caller, notify: Notify): Promise<Result> | undefined {
    const { tasks } = this.#tools;
    if (tasks === undefined || !isOf2026(exchange.request)) return undefined;
    return answerAboutTasks(tasks, exchange, caller, notify);
  }
}

export function createMcpServer(tools: ToolSet, options: McpServerOptions): ToolServer {
  return new ToolServer(tools, options);
}
