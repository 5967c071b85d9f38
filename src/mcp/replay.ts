// Event streams that outlive their connection: what was sent on one and may have been missed is kept for a while, so that a
// client of the 2025 revisions can come back with Last-Event-ID and have the result of a long run.

import type { EdgeLimits } from "./limits.ts";
import type { Beating, Pulse } from "./pulse.ts";
import { formatEvent, formatPriming, type SseConnection } from "./sse.ts";

type Kept = { readonly sequence: number; readonly event: string };

/** Memory an event costs beside its text, roughly, in bytes. */
const EVENT_OVERHEAD_BYTES = 256;

export class ReplayStream {
  readonly id: number;
  /** The MCP session whose client alone may come back to it. */
  readonly sessionId: string;
  /** Bounded by the replay that made this stream, which counts their bytes. */
  readonly kept: Kept[] = [];
  keptBytes = 0;
  endedMs: number | undefined;
  readonly #replay: Replay;
  #sequence = 0;
  #connection: SseConnection | undefined;

  constructor(id: number, sessionId: string, replay: Replay) {
    this.id = id;
    this.sessionId = sessionId;
    this.#replay = replay;
  }

  /** Goes on over this connection; the one before, if it is still there, was left behind by the client. */
  attach(connection: SseConnection, afterSequence: number): void {
    this.#connection?.close();
    this.#connection = connection;
    for (const { sequence, event } of this.kept) if (sequence > afterSequence) connection.write(event);
    if (this.endedMs !== undefined) connection.close();
  }

  detach(connection: SseConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  prime(): void {
    this.#connection?.write(formatPriming(this.#nextId()));
  }

  /** `json` is one message. What may be missed is neither kept nor sent to a reader that does not keep up. */
  write(json: string, mayBeMissed: boolean): void {
    const connection = this.#connection;
    if (mayBeMissed) {
      if (connection?.keepsUp) connection.write(formatEvent(json, this.#nextId()));
      return;
    }
    const event = formatEvent(json, this.#nextId());
    this.#replay.keep(this, { sequence: this.#sequence, event }, Buffer.byteLength(event) + EVENT_OVERHEAD_BYTES);
    connection?.write(event);
  }

  end(): void {
    this.#replay.ended(this);
    this.#connection?.close();
    this.#connection = undefined;
  }

  #nextId(): string {
    this.#sequence += 1;
    return `${this.#replay.prefix}${this.id}-${this.#sequence}`;
  }
}

export class Replay implements Beating {
  readonly #pulse: Pulse;
  readonly #limits: EdgeLimits;
  /** Live streams, as many as requests in flight, and ended ones, `replayStreams` at most. Oldest first. */
  readonly #streams = new Map<number, ReplayStream>();
  /** Ended ones in the order of their ends. */
  readonly #ended = new Set<ReplayStream>();
  #bytes = 0;
  /** Begins anywhere: an id from before a restart is of no stream after it. */
  #lastId = Math.floor(Math.random() * 10 ** 14);
  /** Of all ids of events: the node's that keeps them, where there are several ("7gk2p."). */
  readonly prefix: string;

  constructor(pulse: Pulse, limits: EdgeLimits, nodeId?: string) {
    this.#pulse = pulse;
    this.#limits = limits;
    this.prefix = nodeId === undefined ? "" : `${nodeId}.`;
    pulse.add(this);
  }

  open(sessionId: string): ReplayStream {
    this.#lastId += 1;
    const stream = new ReplayStream(this.#lastId, sessionId, this);
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /** The stream that this Last-Event-ID is of, and the sequence to go on after. */
  find(sessionId: string, lastEventId: string): { stream: ReplayStream; afterSequence: number } | undefined {
    const match = /^([a-z0-9]{1,32}\.)?(\d{1,15})-(\d{1,15})$/.exec(lastEventId);
    if (match === null || (match[1] ?? "") !== this.prefix) return undefined;
    const stream = this.#streams.get(Number(match[2]));
    if (stream === undefined || stream.sessionId !== sessionId) return undefined;
    return { stream, afterSequence: Number(match[3]) };
  }

  /** The other node that made this id; undefined for an own one, and for what none has made. */
  otherNodeOf(lastEventId: string): string | undefined {
    if (this.prefix === "" || lastEventId.startsWith(this.prefix)) return undefined;
    return /^([a-z0-9]{1,32})\.\d{1,15}-\d{1,15}$/.exec(lastEventId)?.[1];
  }

  keep(stream: ReplayStream, kept: Kept, bytes: number): void {
    if (!this.#streams.has(stream.id)) return;
    stream.kept.push(kept);
    stream.keptBytes += bytes;
    this.#bytes += bytes;
    for (const oldest of this.#streams.values()) {
      if (this.#bytes <= this.#limits.replayBytes) return;
      this.#forget(oldest);
    }
  }

  ended(stream: ReplayStream): void {
    stream.endedMs = this.#pulse.clock.monotonicMs();
    if (stream.kept.length === 0) this.#forget(stream);
    if (!this.#streams.has(stream.id)) return;
    this.#ended.add(stream);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= this.#limits.replayStreams) return;
      this.#forget(oldest);
    }
  }

  forgetSession(sessionId: string): void {
    for (const stream of this.#streams.values()) if (stream.sessionId === sessionId) this.#forget(stream);
  }

  beat(nowMs: number): void {
    for (const stream of this.#ended) {
      if (stream.endedMs !== undefined && nowMs - stream.endedMs < this.#limits.replayMs) return;
      this.#forget(stream);
    }
  }

  #forget(stream: ReplayStream): void {
    this.#streams.delete(stream.id);
    this.#ended.delete(stream);
    this.#bytes -= stream.keptBytes;
    stream.keptBytes = 0;
    stream.kept.length = 0;
  }
}
