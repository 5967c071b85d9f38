// MCP over stdio: one message a line, one client, who is gone when its input ends. The same Server, transport and messages as
// over HTTP; the streams are handed in.

import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import type { Emit } from "../events.ts";
import { knowsLinks } from "./caller.ts";
import type { Exchange, Outlet } from "./exchange.ts";
import { defaultEdgeLimits, type EdgeLimits } from "./limits.ts";
import {
  INVALID_REQUEST,
  type Incoming,
  type IncomingRequest,
  isRequestId,
  PARSE_ERROR,
  parseMessages,
} from "./messages.ts";
import { isOf2026 } from "./meta-2026.ts";
import { allowsMessage, discovered, faultOf, finishResponse } from "./revision-2026.ts";
import type { ServerDescription } from "./server.ts";
import { MultiplexTransport } from "./transport.ts";

export type StdioOptions = {
  /** Not connected yet. */
  readonly server: Server;
  readonly description: ServerDescription;
  readonly input: ReadableStream<Uint8Array>;
  /** Writes one line, its end included. Nothing else may go to that output. */
  readonly write: (line: string) => void;
  readonly emit: Emit;
  /** Who calls: whoever started the process. */
  readonly principal: string;
  readonly limits?: Partial<EdgeLimits>;
};

/** Serves until the input ends; what then still runs is cancelled. Rejects if the input cannot be read. */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const limits = { ...defaultEdgeLimits, ...options.limits };
  const transport = await MultiplexTransport.connect(options.server);
  const client = new StdioClient(transport, options, limits);
  try {
    for await (const line of readLines(options.input, limits.lineBytes)) client.take(line);
    // What only had to be looked up is answered, for `printf … | msb-mcp`; what runs is not waited for.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    client.gone = true;
    await options.server.close();
  }
}

class StdioClient implements Outlet {
  gone = false;
  readonly #transport: MultiplexTransport;
  readonly #options: StdioOptions;
  readonly #limits: EdgeLimits;
  /** At most `requestsPerPrincipal`: there is one principal. */
  readonly #inFlight = new Set<Exchange>();
  /** By the revision that it has asked for. */
  #takesLinks = true;
  /** Cancelled requests are not answered on stdio; of those that are, this is empty again at once. */
  readonly #cancelling = new Set<Exchange>();

  constructor(transport: MultiplexTransport, options: StdioOptions, limits: EdgeLimits) {
    this.#transport = transport;
    this.#options = options;
    this.#limits = limits;
  }

  take(line: string | undefined): void {
    if (line?.trim() === "") return;
    const parsed = line === undefined ? undefined : parseMessages(line, this.#limits);
    if (parsed === undefined) {
      this.#refuse(null, PARSE_ERROR, `Parse error: a line is longer than ${this.#limits.lineBytes} bytes.`);
    } else if (parsed.kind === "unreadable") {
      this.#refuse(null, parsed.code, parsed.reason);
    } else {
      for (const message of parsed.kind === "batch" ? parsed.messages : [parsed.message]) this.#takeMessage(message);
    }
  }

  answered(exchange: Exchange, response: JSONRPCResponse): void {
    this.#inFlight.delete(exchange);
    if (this.#cancelling.delete(exchange)) return;
    const { request } = exchange;
    this.#write(isOf2026(request) ? finishResponse(request.method, response, this.#options.description) : response);
  }

  sent(exchange: Exchange, message: JSONRPCNotification | JSONRPCRequest): boolean {
    if (this.gone || (isOf2026(exchange.request) && !allowsMessage(exchange.request, message))) return false;
    this.#write(message);
    return true;
  }

  #takeMessage(message: Incoming): void {
    switch (message.kind) {
      case "malformed":
        this.#refuse(message.id, message.code, message.reason);
        break;
      case "response":
        this.#transport.reply(message.message, this);
        break;
      case "request":
        if (!this.#take2026(message)) this.#ask(message);
        break;
      case "notification": {
        const { requestId } = message.params ?? {};
        if (message.method === "notifications/cancelled" && isRequestId(requestId)) this.#cancel(requestId);
      }
    }
  }

  /** Whether this request of 2026-07-28 needed no Server to be answered. */
  #take2026(request: IncomingRequest): boolean {
    if (!isOf2026(request)) return false;
    const { description } = this.#options;
    const fault = faultOf(request);
    if (fault !== undefined) this.#refuse(request.id, fault.code, fault.message, fault.data);
    else if (request.method !== "server/discover") return false;
    else this.#write(finishResponse(request.method, discovered(request.id, description), description));
    return true;
  }

  #ask(request: IncomingRequest): void {
    const most = this.#limits.requestsPerPrincipal;
    if (this.#inFlight.size >= most) {
      this.#refuse(request.id, INVALID_REQUEST, `Resource limit exceeded: ${most} requests at a time are allowed.`);
      return;
    }
    if (request.method === "initialize") this.#takesLinks = knowsLinks(String(request.params?.protocolVersion));
    const exchange = this.#transport.open(request, this, this);
    this.#inFlight.add(exchange);
    this.#transport.ask(exchange, { principal: this.#options.principal, takesLinks: this.#takesLinks });
  }

  #cancel(requestId: RequestId): void {
    const meant = [...this.#inFlight].filter(({ request }) => request.id === requestId);
    if (meant.length === 0) this.#options.emit({ type: "cancel.unmatched" });
    for (const exchange of meant) {
      this.#cancelling.add(exchange);
      this.#transport.cancel(exchange, "by the client.");
    }
  }

  #refuse(id: RequestId | null, code: number, message: string, data?: unknown): void {
    const error = data === undefined ? { code, message } : { code, message, data };
    this.#write({ jsonrpc: "2.0", id, error });
  }

  #write(message: object): void {
    if (!this.gone) this.#options.write(`${JSON.stringify(message)}\n`);
  }
}

/** Lines without their ends; undefined for one that is too long, whose rest is skipped. */
async function* readLines(input: ReadableStream<Uint8Array>, maxBytes: number): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  /** The beginning of a line, at most `maxBytes`. */
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let skipping = false;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      pieces.push(chunk.subarray(start, end));
      const fits = !skipping && bytes + end - start <= maxBytes;
      yield fits ? decoder.decode(Buffer.concat(pieces)) : undefined;
      pieces = [];
      bytes = 0;
      skipping = false;
      start = end + 1;
    }
    if (skipping) continue;
    bytes += chunk.length - start;
    if (bytes > maxBytes) {
      skipping = true;
      pieces = [];
    } else {
      pieces.push(chunk.subarray(start));
    }
  }
  if (bytes > 0 && !skipping) yield decoder.decode(Buffer.concat(pieces));
}

const NEWLINE = 0x0a;
