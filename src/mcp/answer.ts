// The HTTP response to one POST, decided as late as possible: plain JSON if the results come before anything else has to be
// said and before a silence gets long, else an event stream. Gathers the results of a batch, and lets go of everything once
// the last one is there.

import type { JSONRPCNotification, JSONRPCRequest, JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import type { Emit } from "../events.ts";
import type { Caller } from "./caller.ts";
import type { Awaited } from "./departures.ts";
import type { Edge } from "./edge.ts";
import type { Exchange, Outlet } from "./exchange.ts";
import { nodeHeader, nodeOf } from "./handed-on.ts";
import type { IncomingRequest } from "./messages.ts";
import type { Beating } from "./pulse.ts";

/** Which bodies the client takes. Who takes both gets the one that fits. */
export type Accepts = "json" | "both" | "stream";

/** The body of an answer that became an event stream. */
export interface MessageStream {
  readonly response: Response;
  /** What may be missed is left out for a reader that does not keep up. */
  write(json: string, mayBeMissed: boolean): void;
  end(): void;
}

/** What the revisions do differently with what the Server sends. */
export interface Dialect {
  /** The response as it goes out. */
  finish(exchange: Exchange, response: JSONRPCResponse): JSONRPCResponse;
  /** HTTP status of a response that goes out alone and as JSON. */
  statusOf(response: JSONRPCResponse): number;
  /** Whether this may be sent to the client during this request. */
  allows(exchange: Exchange, message: JSONRPCNotification | JSONRPCRequest): boolean;
  /** The body to go on with once JSON will not do. */
  openStream(answer: Awaited): MessageStream;
}

export type AnswerOptions = {
  readonly caller: Caller;
  readonly dialect: Dialect;
  readonly accepts: Accepts;
  /** An array is answered, even by one result. */
  readonly batch: boolean;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The MCP session it came on: who may answer what the server asks, and where a cancellation finds the request. */
  readonly session?: { readonly inFlight: Set<Exchange> } | undefined;
};

/** How long a client that takes both waits for headers: shorter than the patience of common proxies. */
const SILENCE_MS = 5000;

export class Answer implements Outlet, Beating, Awaited {
  readonly #edge: Edge;
  readonly #options: AnswerOptions;
  /** Decided, or still awaited. Most are decided before anybody looks. */
  #response: Response | undefined;
  #awaited: PromiseWithResolvers<Response> | undefined;
  readonly #startMs: number;
  /** As many as requests in the batch, like the results that came before it was decided how to send them. */
  readonly #exchanges: Exchange[] = [];
  readonly #gathered: JSONRPCResponse[] = [];
  #stream: MessageStream | undefined;
  #open: number;

  /** `faults` answer what was wrong in a batch. A place at the gate has been taken for each of `requests`. */
  constructor(
    edge: Edge,
    options: AnswerOptions,
    requests: readonly IncomingRequest[],
    faults: readonly JSONRPCResponse[],
  ) {
    this.#edge = edge;
    this.#options = options;
    this.#open = requests.length;
    this.#gathered.push(...faults);
    for (const request of requests) {
      const exchange = edge.transport.open(request, this, options.session);
      this.#exchanges.push(exchange);
      options.session?.inFlight.add(exchange);
    }
    for (const exchange of this.#exchanges) edge.transport.ask(exchange, options.caller);
    this.#startMs = this.settled ? 0 : edge.pulse.clock.monotonicMs();
    if (!this.settled && options.accepts !== "json") edge.pulse.add(this);
  }

  get response(): Response | Promise<Response> {
    if (this.#response !== undefined) return this.#response;
    this.#awaited ??= Promise.withResolvers();
    return this.#awaited.promise;
  }

  get settled(): boolean {
    return this.#open === 0;
  }

  /** The client is gone where that means that it has cancelled. */
  leave(): void {
    for (const exchange of this.#exchanges) this.#edge.transport.cancel(exchange, "the client closed the connection.");
  }

  answered(exchange: Exchange, response: JSONRPCResponse): void {
    const { accepts, dialect, session } = this.#options;
    session?.inFlight.delete(exchange);
    const finished = dialect.finish(exchange, response);
    this.#open -= 1;
    if (this.#stream === undefined && (accepts !== "stream" || this.#open > 0)) this.#gathered.push(finished);
    else this.#streamOf().write(JSON.stringify(finished), false);
    if (this.#open === 0) this.#settle();
  }

  sent(exchange: Exchange, message: JSONRPCNotification | JSONRPCRequest): boolean {
    const { accepts, dialect } = this.#options;
    if (accepts === "json" || !dialect.allows(exchange, message)) return false;
    this.#streamOf().write(JSON.stringify(message), !("id" in message));
    return true;
  }

  beat(nowMs: number): void {
    if (this.#stream === undefined && nowMs - this.#startMs >= SILENCE_MS) this.#streamOf();
  }

  #settle(): void {
    const { accepts, caller } = this.#options;
    if (accepts !== "json") this.#edge.pulse.delete(this);
    this.#edge.gate.leave(caller.principal, this.#exchanges.length);
    if (this.#stream !== undefined) this.#stream.end();
    else this.#respond(jsonResponse(this.#gathered, this.#options, this.#edge.emit));
  }

  #respond(response: Response): void {
    this.#response = response;
    this.#awaited?.resolve(response);
  }

  #streamOf(): MessageStream {
    if (this.#stream !== undefined) return this.#stream;
    this.#stream = this.#options.dialect.openStream(this);
    const { response } = this.#stream;
    for (const [name, value] of Object.entries(this.#options.headers ?? {})) response.headers.set(name, value);
    this.#respond(response);
    for (const gathered of this.#gathered) this.#stream.write(JSON.stringify(gathered), false);
    this.#gathered.length = 0;
    return this.#stream;
  }
}

export function mediaTypesOf(request: Request): string {
  return request.headers.get("accept")?.toLowerCase() ?? "";
}

/**
 * JSON for whoever does not ask for events by name: `curl` and scripts send any type or none. Of two types the first named is
 * the preferred one; SDK clients name JSON first.
 */
export function acceptedBodies(request: Request): Accepts {
  const types = mediaTypesOf(request);
  const stream = types.indexOf("text/event-stream");
  if (stream === -1) return "json";
  const json = types.indexOf("application/json");
  return json !== -1 && json < stream ? "both" : "stream";
}

/** Made once: an object of names and values is taken apart for each response, these are copied. */
const jsonHeaders = new Headers({ "content-type": "application/json" });

function jsonResponse(responses: readonly JSONRPCResponse[], options: AnswerOptions, emit: Emit): Response {
  const { batch, dialect, headers } = options;
  const [first] = responses;
  const status = batch || first === undefined ? 200 : dialect.statusOf(first);
  const body = JSON.stringify(batch ? responses : first);
  emit({ type: "response.sent", bytes: Buffer.byteLength(body) });
  const response = new Response(body, { status, headers: jsonHeaders });
  for (const [name, value] of Object.entries(headers ?? {})) response.headers.set(name, value);
  const node = !batch && first !== undefined && "result" in first ? nodeOf(first.result) : undefined;
  if (node !== undefined) response.headers.set(nodeHeader, node);
  return response;
}
