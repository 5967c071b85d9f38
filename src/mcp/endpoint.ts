// The endpoint /mcp: which of the ways to speak MCP is a request spoken in? Everything before (who calls, Host, Origin, size)
// is http/'s; everything after is the revisions'.

import { randomBytes } from "node:crypto";
import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Caller } from "./caller.ts";
import { Departures } from "./departures.ts";
import type { Edge } from "./edge.ts";
import { Gate } from "./gate.ts";
import { defaultEdgeLimits, type EdgeLimits } from "./limits.ts";
import { INTERNAL_ERROR, INVALID_REQUEST, type Parsed, parseMessages } from "./messages.ts";
import { isOf2026 } from "./meta-2026.ts";
import type { McpNode } from "./node.ts";
import type { ParamHeaders } from "./param-headers.ts";
import { Pulse } from "./pulse.ts";
import { refuse } from "./refusal.ts";
import { createRevision2026, unsupportedVersion, VERSION_2026 } from "./revision-2026.ts";
import { Revisions2025 } from "./revisions-2025.ts";
import type { ServerDescription } from "./server.ts";
import { MultiplexTransport } from "./transport.ts";

export interface McpEndpoint extends AsyncDisposable {
  /** Answers one HTTP request, at once where nothing has to be waited for. Never throws or rejects. `body` is its text, read and bounded in size before; empty if it has none. */
  handle(request: Request, body: string, caller: Caller): Response | Promise<Response>;
  /** Answers a GET that another node hands on (`McpNode.resumeElsewhere`): with what is kept here, and never by asking a third one. */
  resume(request: Request, caller: Caller): Response;
}

export type EndpointOptions = {
  /** Not connected yet; the endpoint connects it and, when disposed of, closes it. */
  readonly server: Server;
  readonly description: ServerDescription;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly limits?: Partial<EdgeLimits>;
  /** Signs the ids of MCP sessions. Kept over a restart, clients go on with the ids they have; made anew without. */
  readonly sessionKey?: Uint8Array;
  /** Where other servers have the same key, and clients may speak to any of them. */
  readonly node?: McpNode | undefined;
  /** Arguments that are headers too. */
  readonly paramHeaders?: ParamHeaders;
};

const noParamHeaders: ParamHeaders = new Map();

export async function createEndpoint(options: EndpointOptions): Promise<McpEndpoint> {
  const { server, description, clock, emit } = options;
  const limits = { ...defaultEdgeLimits, ...options.limits };
  const transport = await MultiplexTransport.connect(server);
  const edge: Edge = { transport, gate: new Gate(limits), pulse: new Pulse(clock), departures: new Departures(), emit };
  const revisions2025 = new Revisions2025(edge, limits, options.sessionKey ?? randomBytes(32), options.node);
  const revision2026 = createRevision2026(edge, limits, description, options.paramHeaders ?? noParamHeaders);

  function post(request: Request, body: string, caller: Caller): Response | Promise<Response> {
    if (!isJson(request)) return refuse(415, INVALID_REQUEST, "Content-Type must be application/json.");
    const parsed = parseMessages(body, limits);
    const version = request.headers.get("mcp-protocol-version");
    if (version === VERSION_2026 || speaks2026(parsed)) return revision2026.post(request, parsed, caller);
    if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version) && !negotiates(parsed)) {
      const { status, code, message, data } = unsupportedVersion(version);
      return refuse(status, code, message, { id: idOf(parsed), data });
    }
    return revisions2025.post(request, parsed, caller);
  }

  function answer(request: Request, body: string, caller: Caller): Response | Promise<Response> {
    if (request.method === "POST") return post(request, body, caller);
    const sessionless = request.headers.get("mcp-protocol-version") === VERSION_2026;
    if (request.method === "GET" && !sessionless) return revisions2025.get(request, caller);
    if (request.method === "DELETE" && !sessionless) return revisions2025.delete(request, caller);
    const allow = sessionless ? "POST" : "GET, POST, DELETE";
    const reason = `Method not allowed: ${request.method}. POST JSON-RPC here.`;
    return refuse(405, INVALID_REQUEST, reason, { headers: { allow } });
  }

  function tell(response: Response): Response {
    const { status } = response;
    if (status >= 400) emit({ type: "request.refused", reason: refusals[status] ?? "other", status });
    return response;
  }

  function failed(error: unknown): Response {
    const requestId = crypto.randomUUID();
    emit({ type: "request.failed", requestId, error });
    return refuse(500, INTERNAL_ERROR, `Internal error (request id ${requestId}).`);
  }

  return {
    resume: (request, caller) => tell(revisions2025.getHere(request, caller)),
    handle(request, body, caller) {
      try {
        const response = answer(request, body, caller);
        return response instanceof Promise ? response.then(tell).catch(failed) : tell(response);
      } catch (error) {
        return failed(error);
      }
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      revisions2025.close();
      await edge.pulse[Symbol.asyncDispose]();
    },
  };
}

/** Why the endpoint answers with a status of its own, for log and metrics. */
const refusals: Readonly<Record<number, string>> = {
  400: "invalid MCP request",
  404: "no such MCP session or method",
  405: "method not allowed",
  406: "answer not acceptable",
  415: "not JSON",
  429: "too many requests of one caller",
  503: "too many requests",
};

function isJson(request: Request): boolean {
  const type = request.headers.get("content-type");
  return type === "application/json" || /^\s*application\/json\s*(;|$)/i.test(type ?? "");
}

/** A client that has not negotiated yet may name in the header whatever it speaks best; its body says which version it wants. */
function negotiates(parsed: Parsed): boolean {
  return parsed.kind === "message" && parsed.message.kind === "request" && parsed.message.method === "initialize";
}

function speaks2026(parsed: Parsed): boolean {
  return parsed.kind === "message" && parsed.message.kind === "request" && isOf2026(parsed.message);
}

function idOf(parsed: Parsed) {
  return parsed.kind === "message" && parsed.message.kind === "request" ? parsed.message.id : null;
}
