// How many executions are left running: in all, of each principal and of each session no more than may be.

import { Failure } from "../../failure.ts";
import type { Execution } from "./execution.ts";
import type { Executions } from "./executions.ts";

/** Executions that may be left running: in one session, in all together, and in all of one principal. */
export type LeftRunningLimits = {
  readonly maxLeftRunning: number;
  readonly maxLeftRunningInAll: number;
  readonly maxLeftRunningPerPrincipal: number;
};

type Step = "begin" | "leave";

export class LeftCount {
  readonly #limits: LeftRunningLimits;
  readonly #executions: Pick<Executions, "ofSession">;
  #inAll = 0;
  /** Of those who have any. */
  readonly #byPrincipal = new Map<string, number>();

  constructor(limits: LeftRunningLimits, executions: Pick<Executions, "ofSession">) {
    this.#limits = limits;
    this.#executions = executions;
  }

  /** Until it has ended. */
  add({ principal, settled }: Pick<Execution, "principal" | "settled">): void {
    this.#change(principal, 1);
    void settled.then(() => this.#change(principal, -1));
  }

  /** Throws Failure `limit_reached` if the principal may leave no more running, or none in that session. */
  refuseTooMany(
    { principal, sessionId }: { readonly principal: string; readonly sessionId: string | undefined },
    step: Step,
  ): void {
    const { maxLeftRunning, maxLeftRunningInAll, maxLeftRunningPerPrincipal } = this.#limits;
    const own = this.#byPrincipal.get(principal) ?? 0;
    if (own >= maxLeftRunningPerPrincipal)
      throw tooManyLeft("in all sessions of yours", [], maxLeftRunningPerPrincipal, step);
    if (this.#inAll >= maxLeftRunningInAll) throw tooManyLeft("on this server", [], maxLeftRunningInAll, step);
    if (sessionId === undefined) return;
    const there = this.#executions.ofSession(sessionId).filter((one) => one.isLeftRunning && one.status !== "ended");
    if (there.length >= maxLeftRunning) throw tooManyLeft(`in ${sessionId}`, there, maxLeftRunning, step);
  }

  #change(principal: string, by: 1 | -1): void {
    this.#inAll += by;
    const own = (this.#byPrincipal.get(principal) ?? 0) + by;
    if (own === 0) this.#byPrincipal.delete(principal);
    else this.#byPrincipal.set(principal, own);
  }
}

function tooManyLeft(where: string, left: readonly Execution[], limit: number, step: Step): Failure {
  const ids = left.slice(0, 3).map(({ id }) => id);
  const which = ids.length > 0 ? ids.join(", ") : "get_sessions lists yours";
  const what =
    step === "leave"
      ? `this run was not over when its wait was, and no more than ${limit} may be left running ${where}, so it was ended.`
      : `no more than ${limit} may be left running ${where}, so this run was not begun.`;
  return new Failure("limit_reached", what, {
    context: { limit, running: ids },
    advice: [`End others with control_execution (${which}), or give this one a longer wait.`],
  });
}
