// The table of sessions: each is there from its place on until nothing of its sandbox is left. Whatever ends one goes through here, and so
// does what is written down of it.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { Sandbox } from "../sandbox/port.ts";
import type { Admission, Place } from "./admission.ts";
import type { EndReason } from "./endings.ts";
import type { Ledger } from "./ledger.ts";
import { Session, type SessionLimits, type SessionParts } from "./session.ts";

export type TableOptions = {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly limits: SessionLimits;
  readonly admission: Admission;
  readonly ledger: Ledger;
  /** Called once nothing of a session is left. */
  readonly onGone: (session: Session) => void;
};

export class SessionTable {
  readonly #options: TableOptions;
  /** As many as have a place, those that are starting or stopping included. */
  readonly #rows = new Map<string, { readonly session: Session; readonly place: Place }>();

  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** Resolves once there are none, those that are stopping included. */
  untilEmpty(): Promise<void> {
    if (this.#rows.size === 0) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers();
    return this.#emptied.promise;
  }

  get size(): number {
    return this.#rows.size;
  }

  has(sessionId: string): boolean {
    return this.#rows.has(sessionId);
  }

  /** In the order of their opening. */
  all(): readonly Session[] {
    return [...this.#rows.values()].map(({ session }) => session);
  }

  /** Undefined if there is none, it is another principal's, or it is over. */
  active(principal: string, sessionId: string): Session | undefined {
    const session = this.#rows.get(sessionId)?.session;
    if (session?.principal !== principal) return undefined;
    if (session.isExpired) void this.end(session, "expired");
    return session.ending === undefined ? session : undefined;
  }

  /** One that is over, and of whose sandbox something may be left. Undefined also if it is another principal's. */
  ending(principal: string, sessionId: string): Session | undefined {
    const session = this.#rows.get(sessionId)?.session;
    return session?.principal === principal && session.ending !== undefined ? session : undefined;
  }

  /** A session that waits for its sandbox, in a place of its own. */
  add(parts: Omit<SessionParts, "limits" | "clock" | "emit" | "onIdle">, place: Place): Session {
    const { clock, emit, limits, admission, ledger } = this.#options;
    const onIdle = ({ id, lastUsed, executions }: Session) => {
      ledger.used(id, lastUsed, executions);
      admission.lookAgain();
    };
    const session = new Session({ ...parts, limits, clock, emit, onIdle });
    const { principal } = session;
    place.occupy({
      principal,
      sessionId: session.id,
      get idle() {
        return session.idle;
      },
      giveUp: (forWhat) => {
        if (session.isExpired) void this.end(session, "expired");
        else void this.end(session, "evicted", `to make room for ${forWhat}`);
      },
    });
    this.#rows.set(session.id, { session, place });
    return session;
  }

  /** The session has its sandbox: a new one, which counts as used, or one of an earlier process. */
  adopt(session: Session, sandbox: Sandbox, isFresh: boolean): void {
    const { ledger, admission } = this.#options;
    session.adopt(sandbox, isFresh);
    void sandbox.lost.then((why) => this.lose(session, why));
    ledger.booted(session.id, sandbox.name);
    if (session.status === "ready") admission.lookAgain();
  }

  /** Resolves once nothing of its sandbox is left. The first reason stays. Never rejects. */
  async end(session: Session, reason: EndReason, detail?: string): Promise<void> {
    const isFirst = session.ending === undefined;
    const ended = session.end(reason, detail);
    if (isFirst && session.ending !== undefined) this.#options.ledger.ended(session.id, session.ending);
    this.#rows.get(session.id)?.place.leave();
    await ended;
    this.#rows.get(session.id)?.place.free();
    if (this.#rows.delete(session.id)) this.#options.onGone(session);
    if (this.#rows.size > 0) return;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  /** Writes down that those in use are: the server that follows a killed one would take the time of a long run for idleness. */
  noteBusy(): void {
    const { ledger, clock } = this.#options;
    for (const { id, status, executions } of this.all()) {
      if (status === "busy") ledger.used(id, clock.now(), executions);
    }
  }

  endExpired(): void {
    for (const session of this.all()) if (session.isExpired) void this.end(session, "expired");
  }

  /** Leaves those for a later process whose sandboxes can go on without this one: they are none of this table's any more. Resolves with how many. */
  async letGo(): Promise<number> {
    const { ledger } = this.#options;
    const left = await Promise.all(
      this.all().map(async (session) => {
        if (!(await session.letGo())) return false;
        const { id, lastUsed, executions } = session;
        ledger.used(id, lastUsed, executions);
        return this.#rows.delete(id);
      }),
    );
    return left.filter(Boolean).length;
  }

  /** Its sandbox is gone, or as good as that. */
  lose(session: Session, why: string): void {
    if (session.ending !== undefined || session.isLetGo) return;
    this.#options.emit({ type: "sandbox.lost", sessionId: session.id, reason: why });
    void this.end(session, "lost", why);
  }
}
