// The SDK Transport that lets one Server answer many clients: every request gets an id of our own, and what the Server sends
// goes to the outlet of the request it belongs to. Ids, sessions and HTTP of the clients are unknown to the Server, so
// equal ids of two clients (or of one) never meet.

import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  MessageExtraInfo,
  RequestId,
  Result,
} from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "./caller.ts";
import { wireErrorOf } from "./calls.ts";
import { Exchange, type Outlet } from "./exchange.ts";
import { INTERNAL_ERROR, type IncomingRequest, type Params, REQUEST_CANCELLED } from "./messages.ts";
import { isOf2026 } from "./meta-2026.ts";
import { ToolServer } from "./server.ts";

export class MultiplexTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;

  /** By the Server's id. As many as there are requests in flight, which the gate bounds. */
  readonly #exchanges = new Map<RequestId, Exchange>();
  /** The server's own open requests. Each lives no longer than its exchange. */
  readonly #questions = new Map<RequestId, Exchange>();
  readonly #sent = Promise.resolve();
  readonly #server: Server;
  /** The same where it answers requests for tools itself. */
  readonly #tools: ToolServer | undefined;
  #lastId = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.#tools = server instanceof ToolServer ? server : undefined;
  }

  /** Connects a Server that is not connected yet. Closing the Server closes the transport. */
  static async connect(server: Server): Promise<MultiplexTransport> {
    const transport = new MultiplexTransport(server);
    await server.connect(transport);
    return transport;
  }

  start(): Promise<void> {
    return this.#sent;
  }

  /** Takes a client's request down; `ask` then hands it to the Server. */
  open(request: IncomingRequest, outlet: Outlet, party?: object): Exchange {
    this.#lastId += 1;
    const exchange = new Exchange(this.#lastId, request, outlet, party);
    this.#exchanges.set(exchange.serverId, exchange);
    return exchange;
  }

  /** The outlet may get the answer before this returns. */
  ask(exchange: Exchange, caller: Caller): void {
    let result: Result | Promise<Result> | undefined;
    try {
      result = this.#tools?.answer(exchange, caller, this.#notify);
    } catch (error) {
      this.#fail(exchange, error);
      return;
    }
    if (result === undefined) this.#askSdk(exchange, caller);
    else if (!(result instanceof Promise)) this.#succeed(exchange, result);
    else {
      result.then(
        (late) => this.#succeed(exchange, late),
        (error: unknown) => this.#fail(exchange, error),
      );
    }
  }

  /**
   * Aborts the tool's signal and answers at once. The SDK's Server sends nothing for a cancelled request, and an HTTP
   * request has to be answered; a client that cancelled ignores the answer.
   */
  cancel(exchange: Exchange, reason: string): void {
    if (!this.#take(exchange.serverId)) return;
    exchange.cancel(reason);
    // For what the SDK is carrying out.
    this.onmessage?.({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: exchange.serverId, reason },
    });
    const error = { code: REQUEST_CANCELLED, message: `Request cancelled: ${reason}` };
    exchange.outlet.answered(exchange, { jsonrpc: "2.0", id: exchange.request.id, error });
  }

  /** A client's answer to a request of the server's. Ignored unless it comes from the party that was asked. */
  reply(message: JSONRPCResponse, party: object): void {
    if (message.id === undefined) return;
    const exchange = this.#questions.get(message.id);
    if (exchange === undefined || exchange.party !== party) return;
    this.#questions.delete(message.id);
    exchange.asked?.delete(message.id);
    this.onmessage?.(message);
  }

  /** Called by the Server. Rejects what cannot reach a client, so that a tool does not wait for an answer in vain. */
  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if ("method" in message) return this.#pass(message, options?.relatedRequestId);
    const exchange = message.id === undefined ? undefined : this.#take(message.id);
    if (exchange !== undefined) exchange.outlet.answered(exchange, withId(message, exchange.request.id));
    return this.#sent;
  }

  /** Cancels everything in flight. */
  async close(): Promise<void> {
    for (const exchange of [...this.#exchanges.values()]) this.cancel(exchange, "the server is stopping.");
    this.onclose?.();
  }

  readonly #notify = (exchange: Exchange, notification: JSONRPCNotification): boolean =>
    this.#exchanges.has(exchange.serverId) && exchange.outlet.sent(exchange, notification);

  #askSdk(exchange: Exchange, { principal, arrivedMs, audience }: Caller): void {
    const { method, params } = exchange.request;
    const message: JSONRPCRequest = { jsonrpc: "2.0", id: exchange.serverId, method };
    if (params !== undefined) message.params = isOf2026(exchange.request) ? withoutTask(params) : params;
    // The principal was established before; the Server sees no token.
    const authInfo = { token: "", clientId: principal, scopes: [], extra: { arrivedMs, audience } };
    const extra: MessageExtraInfo = { authInfo };
    // Not by `onmessage`, which holds each message against three schemas to find out that it is a request, what messages.ts has checked already.
    // biome-ignore lint/complexity/useLiteralKeys: the SDK declares it private, and has no other way in
    this.#server["_onrequest"](message, extra);
  }

  /** Not after a cancellation: that has been answered. */
  #succeed(exchange: Exchange, result: Result): void {
    if (this.#take(exchange.serverId) === undefined) return;
    exchange.outlet.answered(exchange, { jsonrpc: "2.0", id: exchange.request.id, result });
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (this.#take(exchange.serverId) === undefined) return;
    exchange.outlet.answered(exchange, { jsonrpc: "2.0", id: exchange.request.id, error: wireErrorOf(error) });
  }

  #pass(message: JSONRPCNotification | JSONRPCRequest, relatedId: RequestId | undefined): Promise<void> {
    const exchange = relatedId === undefined ? undefined : this.#exchanges.get(relatedId);
    const asks = "id" in message;
    // A notification that belongs to no request, or to one that has ended, has no receiver; that is not a fault.
    if (exchange === undefined) return asks ? Promise.reject(unreachable(message.method)) : this.#sent;
    if (asks) {
      exchange.asked ??= new Set();
      exchange.asked.add(message.id);
      this.#questions.set(message.id, exchange);
    }
    if (exchange.outlet.sent(exchange, message) || !asks) return this.#sent;
    this.#questions.delete(message.id);
    exchange.asked?.delete(message.id);
    return Promise.reject(unreachable(message.method));
  }

  #take(serverId: RequestId): Exchange | undefined {
    const exchange = this.#exchanges.get(serverId);
    if (exchange === undefined) return undefined;
    this.#exchanges.delete(serverId);
    for (const id of exchange.asked ?? []) this.#questions.delete(id);
    return exchange;
  }
}

function withId(message: JSONRPCResponse, id: RequestId): JSONRPCResponse {
  if ("result" in message) return { jsonrpc: "2.0", id, result: message.result };
  return { jsonrpc: "2.0", id, error: message.error };
}

/** How clients of 2025-11-25 asked for a task. In 2026-07-28 it means nothing, and the SDK refuses it. */
function withoutTask({ task: _, ...params }: Params): Params {
  return params;
}

function unreachable(method: string): Error {
  return Object.assign(new Error(`The client cannot be asked ${method} on this request.`), { code: INTERNAL_ERROR });
}
