// The edge around tools that tests steer: an endpoint asked without a network, or listening on a port of its own.

import type { Event } from "../../src/events.ts";
import { createEndpoint, type McpEndpoint } from "../../src/mcp/endpoint.ts";
import type { EdgeLimits } from "../../src/mcp/limits.ts";
import type { McpNode } from "../../src/mcp/node.ts";
import { createMcpServer, type ServerDescription } from "../../src/mcp/server.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";
import type { CallContext, ToolSet } from "../../src/mcp/tool-set.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

/** A call of the tool `wait`, which ends when the test says so or its signal aborts. */
export type Waiting = { readonly context: CallContext; readonly args: unknown; finish(text: string): void };

export type TestEdge = AsyncDisposable & {
  readonly endpoint: McpEndpoint;
  readonly clock: FakeClock;
  readonly events: Event[];
  readonly tools: TestTools;
  /** POSTs a JSON-RPC message. */
  post(message: unknown, options?: PostOptions): Promise<Response>;
  get(headers: Record<string, string>, principal?: string): Promise<Response>;
  delete(headers: Record<string, string>, principal?: string): Promise<Response>;
};

export type PostOptions = {
  readonly headers?: Record<string, string>;
  readonly principal?: string;
  readonly signal?: AbortSignal;
};

export const description: ServerDescription = {
  info: { name: "edge-test", version: "1.0.0" },
  capabilities: { tools: {} },
  instructions: "Only a test.",
};

export const bothTypes = { accept: "application/json, text/event-stream" };

export type EdgeSetup = {
  readonly limits?: Partial<EdgeLimits>;
  readonly sessionKey?: Uint8Array;
  readonly node?: McpNode;
};

export async function startEdge(setup: EdgeSetup = {}): Promise<TestEdge> {
  const clock = new FakeClock();
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const tools = new TestTools();
  const { limits = {} } = setup;
  const server = createMcpServer(tools, { description, clock, emit, limits });
  const endpoint = await createEndpoint({ ...setup, server, description, clock, emit });
  const ask = async (method: string, headers: Record<string, string>, principal = "alice") =>
    await endpoint.handle(new Request("http://localhost/mcp", { method, headers }), "", { principal });
  return {
    endpoint,
    clock,
    events,
    tools,
    async post(message, { headers, principal = "alice", signal } = {}) {
      const request = new Request("http://localhost/mcp", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        ...(signal && { signal }),
      });
      return await endpoint.handle(request, typeof message === "string" ? message : JSON.stringify(message), {
        principal,
      });
    },
    get: (headers, principal) => ask("GET", { accept: "text/event-stream", ...headers }, principal),
    delete: (headers, principal) => ask("DELETE", headers, principal),
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  };
}

export class TestTools implements ToolSet {
  /** Calls of `wait`, in the order of their arrival. */
  readonly waiting: Waiting[] = [];
  readonly #arrivals: Array<() => void> = [];

  list() {
    return ["say", "wait", "crash", "refuse", "whoami"].map((name) => ({
      name,
      description: `Test tool ${name}`,
      inputSchema: { type: "object" as const },
    }));
  }

  async call(name: string, args: unknown, context: CallContext) {
    switch (name) {
      case "say":
        return text(JSON.stringify(args));
      case "whoami":
        return text(context.principal);
      case "crash":
        throw new Error("secret /root/key");
      case "refuse":
        throw new ProtocolError(-32602, "Session not found: s1.", { data: { error_code: "SESSION_NOT_FOUND" } });
      case "wait":
        return await this.#wait(args, context);
      default:
        throw new ProtocolError(-32602, `Unknown tool: ${name}.`);
    }
  }

  /** The call of `wait` at this place, once it has come. */
  async arrived(count: number): Promise<Waiting> {
    while (this.waiting.length < count) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    const call = this.waiting[count - 1];
    if (call === undefined) throw new Error("unreachable");
    return call;
  }

  #wait(args: unknown, context: CallContext) {
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof text>>();
    context.signal.addEventListener("abort", () => reject(new Error("cancelled")), { once: true });
    this.waiting.push({ context, args, finish: (said) => resolve(text(said)) });
    for (const arrival of this.#arrivals.splice(0)) arrival();
    return promise;
  }
}

export function text(text: string) {
  return { content: [{ type: "text" as const, text }] };
}

export function request(id: string | number, method: string, params?: object) {
  return { jsonrpc: "2.0", id, method, ...(params && { params }) };
}

export function call(id: string | number, name: string, extra: object = {}) {
  return request(id, "tools/call", { name, arguments: {}, ...extra });
}

/** Initializes an MCP session; the headers that its requests carry. */
export async function openSession(edge: TestEdge, version = "2025-11-25", principal = "alice") {
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: "test", version: "1" } };
  const response = await edge.post(request("init", "initialize", params), { principal, headers: bothTypes });
  const id = response.headers.get("mcp-session-id");
  if (id === null) throw new Error(`no session: ${response.status} ${await response.text()}`);
  return { ...bothTypes, "mcp-session-id": id, "mcp-protocol-version": version };
}

/** A JSON-RPC response as tests look at it. */
export type JsonRpcAnswer = {
  readonly jsonrpc: string;
  readonly id?: unknown;
  readonly result?: Readonly<Record<string, unknown>> & { readonly content?: ReadonlyArray<{ readonly text: string }> };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

export async function answerOf(response: Response | Promise<Response>): Promise<JsonRpcAnswer> {
  return (await (await response).json()) as JsonRpcAnswer;
}

export type SseEvent = { readonly id: string | undefined; readonly data: string; readonly comment: boolean };

/** The events of a stream as they come; comments too. */
export async function* eventsOf(response: Response): AsyncGenerator<SseEvent> {
  if (response.body === null) return;
  let unread = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (unread + chunk).split("\n\n");
    unread = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = block.split("\n");
      const field = (name: string) => fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      yield { id: field("id"), data: field("data") ?? "", comment: block.trimStart().startsWith(":") };
    }
  }
}

/** What a stream says until its end: JSON-RPC messages, without the empty event that primes it. */
export async function messagesOf(response: Response): Promise<unknown[]> {
  const messages: unknown[] = [];
  for await (const event of eventsOf(response)) if (event.data !== "") messages.push(JSON.parse(event.data));
  return messages;
}
