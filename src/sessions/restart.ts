// What becomes of the sessions that an earlier process had open: they go on with the sandboxes that outlived it, or are told
// lost. The start does not wait for it: until then they are `starting`.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { Failure } from "../failure.ts";
import type { Sandbox, SandboxSpec, Survivor, Survivors } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import { adoptOrDestroy } from "./adopt.ts";
import type { Ending } from "./endings.ts";
import type { Entry } from "./ledger-rows.ts";
import type { Session } from "./session.ts";

/** A session that waits for its sandbox of before. */
export type Returning = {
  readonly session: Session;
  readonly spec: SandboxSpec;
  readonly sandboxName: string;
};

export type RestartOptions = {
  readonly survivors: Survivors;
  readonly clock: Clock;
  readonly emit: Emit;
  /** For finding the sandboxes, and again for taking over each of them. Milliseconds. */
  readonly startTimeoutMs: number;
  /** The session has its sandbox. */
  readonly onAdopted: (session: Session, sandbox: Sandbox, adoptMs: number) => void;
  /** It will have none. */
  readonly onLost: (session: Session, why: string) => void;
  /** Aborts when the sessions are ended. */
  readonly signal: AbortSignal;
};

/** What becomes of a session that an earlier process had open. */
export type Fate = Returns | { readonly kind: "over"; readonly ending: Ending };

export type Returns = { readonly kind: "returns"; readonly template: Template; readonly sandboxName: string };

export type FateOptions = {
  readonly nowMs: number;
  readonly sessionTimeoutMs: number;
  readonly templates: readonly Template[];
  /** Whether sandboxes of this backend outlive the process that made them. */
  readonly canSurvive: boolean;
};

export function fateOf(entry: Entry, { nowMs, sessionTimeoutMs, templates, canSurvive }: FateOptions): Fate {
  const { principal, lastUsed, sandboxName } = entry;
  const expiredAt = lastUsed + sessionTimeoutMs;
  if (expiredAt <= nowMs) return { kind: "over", ending: { principal, reason: "expired", at: expiredAt } };
  const lost = (detail: string): Fate => ({ kind: "over", ending: { principal, reason: "lost", at: nowMs, detail } });
  if (sandboxName === null) return lost("the server was restarted before it was ready");
  if (!canSurvive) return lost("the server was restarted");
  const template = templates.find(({ name }) => name === entry.template);
  if (template === undefined) return lost(`the server was restarted without the template ${entry.template}`);
  return { kind: "returns", template, sandboxName };
}

/** If the clock has been set back since sessions were used last: what that means for them. */
export function clockWarning(before: readonly Entry[], nowMs: number): string | undefined {
  const behindMs = Math.max(0, ...before.map(({ lastUsed }) => lastUsed - nowMs));
  if (behindMs <= clockToleranceMs) return undefined;
  return `The clock is ${Math.round(behindMs / 60_000)} minutes behind that of the last run: sessions of before count as used just now.`;
}

/** How far the clock may have been set back before the operator is told. Milliseconds. */
const clockToleranceMs = 60_000;

/** How long to wait before a backend that does not answer is asked again. Milliseconds. */
const askAgainMs = 5_000;
/** Sandboxes taken over at once. */
const atOnce = 8;

/** Resolves when each has its sandbox or is told lost. Never rejects. */
export async function takeOver(returning: readonly Returning[], options: RestartOptions): Promise<void> {
  if (returning.length === 0) return;
  const known = returning.map(({ sandboxName }) => sandboxName);
  const found = await findSurvivors(known, options);
  const rest = [...returning];
  const workers = Array.from({ length: atOnce }, async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const { session, spec, sandboxName } = next;
      const survivor = found?.find(({ name, sessionId }) => name === sandboxName || sessionId === spec.sessionId);
      if (survivor !== undefined) {
        await takeOverOne(next, survivor, options);
        continue;
      }
      session.abandon();
      const why = found === undefined ? "its sandbox could not be asked after" : "its sandbox did not outlive that";
      options.onLost(session, `the server was restarted, and ${why}`);
    }
  });
  await Promise.all(workers);
}

async function findSurvivors(
  known: readonly string[],
  options: RestartOptions,
): Promise<readonly Survivor[] | undefined> {
  const { survivors, clock, startTimeoutMs, signal } = options;
  const untilMs = clock.monotonicMs() + startTimeoutMs;
  for (;;) {
    try {
      return await survivors.list(signal, known);
    } catch {
      if (clock.monotonicMs() + askAgainMs > untilMs) return undefined;
      await clock.sleep(askAgainMs, signal).catch(() => undefined);
      if (signal.aborted) return undefined;
    }
  }
}

async function takeOverOne({ session, spec }: Returning, { name }: Survivor, options: RestartOptions): Promise<void> {
  const { survivors, clock, startTimeoutMs, emit } = options;
  const giveUp = new AbortController();
  const onEnd = () => giveUp.abort(new Failure("sandbox_creation", "the session was ended."));
  session.endingSignal.addEventListener("abort", onEnd, { once: true });
  if (session.endingSignal.aborted) onEnd();
  const done = new AbortController();
  clock.sleep(startTimeoutMs, done.signal).then(
    () => giveUp.abort(new Failure("sandbox_creation", `it took longer than ${startTimeoutMs / 1000} s.`)),
    () => undefined,
  );
  const gone = Promise.withResolvers<void>();
  const clearAway = async () => {
    try {
      if (session.isLetGo) return;
      await survivors.destroy(name, new AbortController().signal);
    } catch (error) {
      emit({ type: "orphan.kept", name, reason: reasonOf(error) });
    } finally {
      session.abandon();
      gone.resolve();
    }
  };
  const startedMs = clock.monotonicMs();
  try {
    const arriving = survivors.adopt(name, spec, giveUp.signal);
    const sandbox = await adoptOrDestroy(arriving, giveUp.signal, () => void clearAway());
    options.onAdopted(session, sandbox, clock.monotonicMs() - startedMs);
  } catch (error) {
    const { id } = session;
    if (session.ending === undefined && !session.isLetGo) {
      emit({ type: "server.warning", message: `The sandbox of ${id} cannot be taken over: ${reasonOf(error)}` });
    }
    options.onLost(session, "the server was restarted, and its sandbox could not be taken over");
    await gone.promise;
  } finally {
    done.abort();
    session.endingSignal.removeEventListener("abort", onEnd);
  }
}

/** Without a full stop. */
function reasonOf(error: unknown): string {
  return (error instanceof Failure ? error.message : "an unexpected error").replace(/\.$/, "");
}
