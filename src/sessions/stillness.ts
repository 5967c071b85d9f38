// Sessions in which something was left running that does nothing: it writes nothing, nobody asks for it, and it uses no CPU. Such a session is
// idle, and ends when its time is over as an idle one does.

import type { Clock } from "../clock.ts";
import type { Session } from "./session.ts";
import type { SessionTable } from "./table.ts";

/** A server that waits for somebody looks about itself now and then: it may use so much of one CPU and still do nothing. */
const stillShare = 1 / 1000;

type Look = {
  readonly atMs: number;
  readonly cpuMs: number;
};

export class Stillness {
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  /** When each that may be still was first seen so. */
  readonly #looks = new WeakMap<Session, Look>();

  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Ends those that have been still for the time that an idle session has. Never rejects. */
  async endStill(table: SessionTable): Promise<void> {
    await Promise.all(
      table.all().map(async (session) => {
        if (!(await this.#isStill(session))) return;
        const minutes = Math.round(this.#timeoutMs / 6000) / 10;
        void table.end(session, "expired", `what was left running in it had done nothing for ${minutes} min`);
      }),
    );
  }

  async #isStill(session: Session): Promise<boolean> {
    const quietSinceMs = session.quietSinceMs;
    const cpuMs = quietSinceMs === null ? null : await session.cpuTimeMs();
    // It may have been used while that was read.
    if (quietSinceMs === null || cpuMs === null || session.quietSinceMs !== quietSinceMs) {
      this.#looks.delete(session);
      return false;
    }
    const nowMs = this.#clock.monotonicMs();
    const first = this.#looks.get(session);
    // With a process that has ended, its time is gone.
    const hasWorked = first !== undefined && Math.abs(cpuMs - first.cpuMs) > this.#timeoutMs * stillShare;
    if (first === undefined || hasWorked || first.atMs < quietSinceMs) {
      this.#looks.set(session, { atMs: nowMs, cpuMs });
      return false;
    }
    return nowMs - first.atMs >= this.#timeoutMs;
  }
}
