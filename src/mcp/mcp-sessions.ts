// The MCP sessions of the 2025 revisions: which transport session a request belongs to. They hold no sandbox and nothing a
// call needs, so one may be forgotten at any time; an id stays good by its signature until its client ends it.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";
import type { Beating, Pulse } from "./pulse.ts";
import type { SseConnection } from "./sse.ts";

export type McpSession = {
  readonly id: string;
  readonly principal: string;
  /** The revision agreed on, or the one a client of a forgotten session last named. */
  readonly protocolVersion: string;
  /** Requests being worked on; bounded by the gate. */
  readonly inFlight: Set<Exchange>;
  /** The stream of a GET. One: a second GET means that the client lost the first. */
  listening: SseConnection | undefined;
  lastUsedMs: number;
};

export type McpSessionsOptions = {
  readonly pulse: Pulse;
  readonly limits: EdgeLimits;
  /** Signs the ids. If it outlives the process, ids do: clients do not start anew after a restart. */
  readonly key: Uint8Array;
};

export class McpSessions implements Beating {
  readonly #options: McpSessionsOptions;
  /** In the order of their last use; at most `mcpSessions`. */
  readonly #sessions = new Map<string, McpSession>();
  /** The last of them. */
  #newest: McpSession | undefined;
  /** Ids ended by DELETE, in that order; at most `endedMcpSessions`. */
  readonly #ended = new Set<string>();

  constructor(options: McpSessionsOptions) {
    this.#options = options;
    options.pulse.add(this);
  }

  /** A new session; undefined if there are as many as allowed and none is idle. */
  open(principal: string, protocolVersion: string): McpSession | undefined {
    const nonce = randomBytes(16).toString("base64url");
    return this.#remember(this.#idOf(nonce, principal), principal, protocolVersion);
  }

  /**
   * The session of this id, used now. A forgotten one (idle for long, pushed out, or of another process with
   * the same key, before this one or beside it) comes back to life: the revisions want 404 for a session that was ended, and clients in use do not
   * start a new one after it. Ids of another principal are as unknown as invented ones.
   */
  find(id: string, principal: string, protocolVersion: string): McpSession | undefined {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      if (session.principal !== principal) return undefined;
      if (session !== this.#newest) {
        this.#sessions.delete(id);
        this.#sessions.set(id, session);
        this.#newest = session;
      }
      session.lastUsedMs = this.#options.pulse.clock.monotonicMs();
      return session;
    }
    if (this.#ended.has(id) || !this.#isSigned(id, principal)) return undefined;
    return this.#remember(id, principal, protocolVersion);
  }

  /** The session of this id if it is remembered, whoever's it is; it does not count as used. */
  peek(id: string): McpSession | undefined {
    return this.#sessions.get(id);
  }

  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** Ended by its client, for good; also one that is not remembered here. */
  end(id: string): void {
    this.#ended.add(id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= this.#options.limits.endedMcpSessions) break;
      this.#ended.delete(oldest);
    }
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#forget(session);
  }

  beat(nowMs: number): void {
    for (const session of this.#sessions.values()) {
      if (nowMs - session.lastUsedMs < this.#options.limits.mcpSessionIdleMs) return;
      if (isIdle(session)) this.#forget(session);
    }
  }

  /** Closes every listening stream. */
  close(): void {
    for (const session of [...this.#sessions.values()]) this.#forget(session);
  }

  #remember(id: string, principal: string, protocolVersion: string): McpSession | undefined {
    if (this.#sessions.size >= this.#options.limits.mcpSessions) {
      const idle = this.#sessions.values().find(isIdle);
      if (idle === undefined) return undefined;
      this.#forget(idle);
    }
    const lastUsedMs = this.#options.pulse.clock.monotonicMs();
    const session = { id, principal, protocolVersion, inFlight: new Set<Exchange>(), listening: undefined, lastUsedMs };
    this.#sessions.set(id, session);
    this.#newest = session;
    return session;
  }

  #forget(session: McpSession): void {
    this.#sessions.delete(session.id);
    if (session === this.#newest) this.#newest = undefined;
    session.listening?.close();
  }

  /** 128 bits of chance and a signature that binds them to the principal. */
  #idOf(nonce: string, principal: string): string {
    const signature = createHmac("sha256", this.#options.key).update(`${nonce}\0${principal}`).digest();
    return `${nonce}.${signature.subarray(0, 16).toString("base64url")}`;
  }

  #isSigned(id: string, principal: string): boolean {
    const [nonce = ""] = id.split(".", 1);
    const given = Buffer.from(id);
    const expected = Buffer.from(this.#idOf(nonce, principal));
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function isIdle(session: McpSession): boolean {
  return session.inFlight.size === 0 && session.listening === undefined;
}
