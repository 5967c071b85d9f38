// Bare JSON-RPC and the revisions 2025-03-26, 2025-06-18 and 2025-11-25 over HTTP: MCP sessions, event streams that can be
// resumed, cancelling by notification. A request without a session is bare; nothing but cancelling and resuming needs one.

import {
  isInitializeRequest,
  type JSONRPCResponse,
  LATEST_PROTOCOL_VERSION,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { acceptedBodies, type Dialect, mediaTypesOf } from "./answer.ts";
import { type Caller, knowsLinks } from "./caller.ts";
import { type DispatchOptions, dispatch } from "./dispatch.ts";
import type { Edge } from "./edge.ts";
import type { EdgeLimits } from "./limits.ts";
import { type McpSession, McpSessions } from "./mcp-sessions.ts";
import {
  INVALID_PARAMS,
  INVALID_REQUEST,
  type Incoming,
  type IncomingRequest,
  isRequestId,
  type Parsed,
} from "./messages.ts";
import { type Announced, type McpNode, OtherNodes } from "./node.ts";
import { accepted, refuse, refuseBusy } from "./refusal.ts";
import { Replay } from "./replay.ts";
import { SseConnection } from "./sse.ts";
import { openMessageStream, openResumableStream } from "./streams.ts";

const SESSION_HEADER = "mcp-session-id";
const VERSION_HEADER = "mcp-protocol-version";
/** What a client speaks that sends no version header (2025-06-18 and later, "Protocol Version Header"). */
const UNNAMED_VERSION = "2025-03-26";
/** The only revision with batches. */
const BATCH_VERSION = "2025-03-26";

/** What a dispatch has to know beside the requests. */
type About = {
  readonly session: McpSession | undefined;
  readonly caller: Caller;
  readonly batch?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly faults?: readonly JSONRPCResponse[];
};

export class Revisions2025 {
  readonly #edge: Edge;
  readonly #limits: EdgeLimits;
  readonly #sessions: McpSessions;
  readonly #replay: Replay;
  readonly #bare: Dialect;
  /** This and the next: undefined where there is only one. */
  readonly #node: McpNode | undefined;
  readonly #others: OtherNodes | undefined;

  constructor(edge: Edge, limits: EdgeLimits, sessionKey: Uint8Array, node: McpNode | undefined) {
    this.#edge = edge;
    this.#limits = limits;
    this.#sessions = new McpSessions({ pulse: edge.pulse, limits, key: sessionKey });
    this.#node = node;
    this.#replay = new Replay(edge.pulse, limits, node?.id);
    this.#bare = {
      finish: (_exchange, response) => response,
      statusOf: () => 200,
      allows: () => true,
      openStream: (answer) => openMessageStream({ ...edge, limits, answer }),
    };
    if (node !== undefined) this.#others = new OtherNodes(node.bus, edge.pulse, (announced) => this.#hear(announced));
  }

  post(request: Request, parsed: Parsed, caller: Caller): Response | Promise<Response> {
    if (parsed.kind === "message" && parsed.message.kind === "request" && parsed.message.method === "initialize") {
      return this.#initialize(request, parsed.message, caller);
    }
    const session = this.#sessionOf(request, caller);
    if (session instanceof Response) return session;
    if (parsed.kind === "unreadable") return refuse(400, parsed.code, parsed.reason);
    if (parsed.kind === "batch") return this.#batch(request, parsed.messages, session, caller);
    const { message } = parsed;
    if (message.kind === "malformed") return refuse(400, message.code, message.reason, { id: message.id });
    if (message.kind !== "request") {
      this.#take(message, session);
      return accepted();
    }
    return this.#dispatch(request, [message], { session, caller });
  }

  /** The stream for what belongs to no request, or one that a client comes back to, here or at the node that keeps it. */
  get(request: Request, caller: Caller): Response | Promise<Response> {
    const lastEventId = request.headers.get("last-event-id");
    const resume = this.#node?.resumeElsewhere;
    const nodeId = lastEventId === null || resume === undefined ? undefined : this.#replay.otherNodeOf(lastEventId);
    if (resume === undefined || nodeId === undefined) return this.getHere(request, caller);
    // Ended sessions are refused here, too; the node that keeps the stream counts it for its caller.
    const session = this.#sessionOf(request, caller);
    if (session instanceof Response) return session;
    return resume(nodeId, request, caller).then(
      (response) => response ?? nothingKept(),
      () => nothingKept(),
    );
  }

  /** The same, of this node only. */
  getHere(request: Request, caller: Caller): Response {
    if (!mediaTypesOf(request).includes("text/event-stream")) {
      const reason = "This is an MCP endpoint: POST JSON-RPC here, or GET with Accept: text/event-stream.";
      return refuse(406, INVALID_REQUEST, reason);
    }
    const session = this.#sessionOf(request, caller);
    if (session instanceof Response) return session;
    if (session === undefined) return sessionNeeded("GET");
    const lastEventId = request.headers.get("last-event-id");
    const resumed = lastEventId === null ? undefined : this.#replay.find(session.id, lastEventId);
    if (lastEventId !== null && resumed === undefined) return nothingKept();
    const refused = this.#edge.gate.openStream(caller.principal);
    if (refused !== undefined) return refuseBusy(refused, null);

    const connection: SseConnection = new SseConnection({
      ...this.#edge,
      unreadBytes: this.#limits.unreadBytes,
      onClosed: () => {
        this.#edge.gate.closeStream(caller.principal);
        resumed?.stream.detach(connection);
        if (session.listening === connection) session.listening = undefined;
      },
    });
    if (resumed !== undefined) {
      resumed.stream.attach(connection, resumed.afterSequence);
    } else {
      session.listening?.close();
      session.listening = connection;
    }
    return connection.response;
  }

  /** Ends the MCP session and what still runs for it, since nobody is left to be answered. */
  delete(request: Request, caller: Caller): Response {
    const session = this.#sessionOf(request, caller);
    if (session instanceof Response) return session;
    if (session === undefined) return sessionNeeded("DELETE");
    this.#end(session.id);
    this.#others?.tell({ type: "mcp_session.ended", mcpSessionId: session.id });
    return new Response(null, { status: 204 });
  }

  close(): void {
    this.#others?.[Symbol.dispose]();
    this.#sessions.close();
  }

  #end(sessionId: string): void {
    for (const exchange of [...(this.#sessions.peek(sessionId)?.inFlight ?? [])]) {
      this.#edge.transport.cancel(exchange, "the client ended its MCP session.");
    }
    this.#sessions.end(sessionId);
    this.#replay.forgetSession(sessionId);
  }

  /** What clients have said to another node. */
  #hear(announced: Announced): void {
    const { mcpSessionId } = announced;
    if (announced.type === "mcp_session.ended") {
      if (!this.#sessions.hasEnded(mcpSessionId)) this.#end(mcpSessionId);
      return;
    }
    const session = this.#sessions.peek(mcpSessionId);
    if (session !== undefined) this.#cancel(session, announced.requestId, announced.reason);
  }

  /** The session a request names, none, or the refusal. */
  #sessionOf(request: Request, caller: Caller): McpSession | undefined | Response {
    const version = request.headers.get(VERSION_HEADER);
    if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
      const supported = SUPPORTED_PROTOCOL_VERSIONS.join(", ");
      const reason = `Unsupported MCP-Protocol-Version ${version.slice(0, 40)}; supported are ${supported}.`;
      return refuse(400, INVALID_REQUEST, reason);
    }
    const id = request.headers.get(SESSION_HEADER);
    if (id === null) return undefined;
    const session = this.#sessions.find(id, caller.principal, version ?? UNNAMED_VERSION);
    if (session !== undefined) return session;
    // 404 tells a client to initialize again ("Session Management", items 3 and 4).
    const reason = "No such MCP session: it has ended or never was. Initialize again, or leave Mcp-Session-Id out.";
    return refuse(404, INVALID_REQUEST, reason);
  }

  #initialize(request: Request, message: IncomingRequest, caller: Caller): Response | Promise<Response> {
    const { id, method, params } = message;
    const initialize = { jsonrpc: "2.0", id, method, params };
    if (!isInitializeRequest(initialize)) {
      const needed = "initialize needs protocolVersion, capabilities and clientInfo with name and version.";
      return refuse(200, INVALID_PARAMS, `Invalid params: ${needed}`, { id });
    }
    const wanted = initialize.params.protocolVersion;
    const version = SUPPORTED_PROTOCOL_VERSIONS.includes(wanted) ? wanted : LATEST_PROTOCOL_VERSION;
    const session = this.#sessions.open(caller.principal, version);
    if (session === undefined) {
      const reason = `${this.#limits.mcpSessions} MCP sessions are served in all, and none is idle. Try again shortly.`;
      return refuseBusy({ status: 503, reason }, id);
    }
    return this.#dispatch(request, [message], { session, caller, headers: { [SESSION_HEADER]: session.id } });
  }

  #batch(
    request: Request,
    messages: readonly Incoming[],
    session: McpSession | undefined,
    caller: Caller,
  ): Response | Promise<Response> {
    const version = session?.protocolVersion ?? request.headers.get(VERSION_HEADER) ?? UNNAMED_VERSION;
    if (version !== BATCH_VERSION) return refuse(400, INVALID_REQUEST, `Invalid request: ${version} has no batches.`);
    const requests: IncomingRequest[] = [];
    const faults: JSONRPCResponse[] = [];
    for (const message of messages) {
      if (message.kind === "malformed") faults.push(faultResponse(message.id, message.code, message.reason));
      else if (message.kind !== "request") this.#take(message, session);
      else if (message.method !== "initialize") requests.push(message);
      else faults.push(faultResponse(message.id, INVALID_REQUEST, "Invalid request: initialize cannot be in a batch."));
    }
    if (requests.length > 0) return this.#dispatch(request, requests, { session, caller, batch: true, faults });
    return faults.length > 0 ? Response.json(faults, { status: 400 }) : accepted();
  }

  #dispatch(request: Request, requests: readonly IncomingRequest[], about: About): Response | Promise<Response> {
    const { session, caller, batch = false, headers, faults } = about;
    const options: DispatchOptions = {
      caller: spoken(caller, session),
      dialect: session === undefined ? this.#bare : this.#resumable(session),
      accepts: acceptedBodies(request),
      batch,
      headers,
      session,
      // In a session the result can be fetched later and the call be cancelled by name; a bare client has only this.
      cancelledByLeaving: session === undefined ? request : undefined,
    };
    return dispatch(this.#edge, requests, options, faults);
  }

  /** A notification or a response of the client's. Nothing but a cancellation means anything to this server. */
  #take(message: Incoming, session: McpSession | undefined): void {
    if (session === undefined) return;
    if (message.kind === "response") this.#edge.transport.reply(message.message, session);
    if (message.kind !== "notification" || message.method !== "notifications/cancelled") return;
    const { requestId } = message.params ?? {};
    const reason = "by the client.";
    if (!isRequestId(requestId) || this.#cancel(session, requestId, reason) > 0) return;
    const cancelled = { type: "request.cancelled", mcpSessionId: session.id, requestId, reason } as const;
    // Whether any of the others works on it is not known.
    if (this.#others?.tell(cancelled) !== true) this.#edge.emit({ type: "cancel.unmatched" });
  }

  /** Of two in flight with one id, a client can only mean both. */
  #cancel(session: McpSession, requestId: RequestId, reason: string): number {
    const meant = [...session.inFlight].filter(({ request }) => request.id === requestId);
    for (const exchange of meant) this.#edge.transport.cancel(exchange, reason);
    return meant.length;
  }

  #resumable(session: McpSession): Dialect {
    const openStream = () =>
      openResumableStream({ ...this.#edge, limits: this.#limits, replay: this.#replay, session });
    return { ...this.#bare, openStream };
  }
}

function spoken(caller: Caller, session: McpSession | undefined): Caller {
  if (session === undefined) return { ...caller, audience: "program" };
  return knowsLinks(session.protocolVersion) ? caller : { ...caller, takesLinks: false };
}

function nothingKept(): Response {
  return refuse(400, INVALID_REQUEST, "Nothing is kept after this Last-Event-ID: it is unknown or too long ago.");
}

function sessionNeeded(method: string): Response {
  return refuse(400, INVALID_REQUEST, `${method} needs the Mcp-Session-Id that initialize gave.`);
}

function faultResponse(id: RequestId | null, code: number, message: string): JSONRPCResponse {
  return { jsonrpc: "2.0", ...(id !== null && { id }), error: { code, message } };
}
