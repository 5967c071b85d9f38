// One request of a client's, from its arrival to its answer: who is answered, and whether it has been cancelled.

import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import type { IncomingRequest } from "./messages.ts";

/** Takes what is said on behalf of one request. */
export interface Outlet {
  /** Exactly once for each request; `response` carries the client's own id. */
  answered(exchange: Exchange, response: JSONRPCResponse): void;
  /** A notification, or a request of the server's to the client. False if the client cannot be reached with it. */
  sent(exchange: Exchange, message: JSONRPCNotification | JSONRPCRequest): boolean;
}

export class Exchange {
  /** The id it has at the Server. */
  readonly serverId: number;
  readonly request: IncomingRequest;
  readonly outlet: Outlet;
  /** Who may answer what the server asks during this request: the MCP session or connection it came on. */
  readonly party: object | undefined;
  /** Ids of the server's own requests to the client that are still open. Made on demand: hardly any tool asks. */
  asked: Set<RequestId> | undefined;
  #cancelled: { readonly reason: string } | undefined;
  #controller: AbortController | undefined;

  constructor(serverId: number, request: IncomingRequest, outlet: Outlet, party: object | undefined) {
    this.serverId = serverId;
    this.request = request;
    this.outlet = outlet;
    this.party = party;
  }

  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Made for who asks: most calls are over before anybody could cancel them, and making it costs a part of their time. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled.reason);
    }
    return this.#controller.signal;
  }

  cancel(reason: string): void {
    this.#cancelled ??= { reason };
    this.#controller?.abort(reason);
  }
}
