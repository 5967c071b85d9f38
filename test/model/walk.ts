// A seeded random walk over sessions: whatever happens in whatever order, the same things hold after every step.
//
// Live sandboxes stay within the limits; each has an owner or is being closed; no session is gone without a word on why; every place is given
// back; every id ends once, for one reason; what runs in a session sees its own state, and no other's. For executions: executions.ts.

import { Failure } from "../../src/failure.ts";
import { defaultFlavors, type Flavor } from "../../src/sandbox/flavors.ts";
import { toEnd } from "../fakes/sessions.ts";
import { ExecutionWalk } from "./executions.ts";
import type { Ground, Life } from "./ground.ts";
import { Canceled, isActive, type Known, principals } from "./known.ts";
import type { Random } from "./random.ts";

type Pending = { readonly what: string; readonly cancel: AbortController; readonly settled: Promise<void> };

/** A walk forgets ids that ended that many ids ago: it would only ask the same again. */
const remembered = 60;

export class Walk {
  readonly #ground: Ground;
  readonly #random: Random;
  readonly #known: Known[] = [];
  readonly #pending = new Set<Pending>();
  /** What was done, for whoever has to find out what went wrong. */
  readonly #trace: string[] = [];
  readonly #closed = new Map<string, number>();
  readonly #executions: ExecutionWalk;
  #problem: Error | undefined;
  #values = 0;
  #eventsSeen = 0;
  #steps = 0;

  constructor(ground: Ground, random: Random) {
    this.#ground = ground;
    this.#random = random;
    this.#executions = new ExecutionWalk({
      ...{ ground, random, say: (what) => this.#say(what), count: (what) => this.#count(what) },
      run: (what, act) => this.#run(what, act),
      any: () => this.#any(),
      meet: (known) => this.#meet(known),
      knownOf: (sessionId) => this.#known.find(({ id }) => id === sessionId),
    });
  }

  /** How often each thing was done. */
  readonly counts = new Map<string, number>();

  /** Throws an Error that names the seed and the last steps, if something does not hold. */
  async take(steps: number): Promise<void> {
    try {
      for (let step = 1; step <= steps; step++) {
        this.#steps++;
        await this.#step();
        await this.#settle();
        this.#check();
        if (step % 50 === 0) await this.#comeToRest();
        if (this.#problem !== undefined) throw this.#problem;
      }
      await this.#comeToRest();
    } catch (error) {
      const last = this.#trace.slice(-40).join("\n  ");
      throw new Error(`seed ${this.#random.seed}, step ${this.#steps}: ${String(error)}\n  ${last}`, { cause: error });
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const executions = this.#executions;
    const action = random.weighted<readonly [string, () => Promise<void> | void]>([
      [14, ["open", () => this.#open()]],
      [22, ["use", () => this.#use()]],
      [6, ["hang", () => this.#hang()]],
      [5, ["cancel", () => this.#cancel()]],
      [5, ["stop", () => this.#stop()]],
      [3, ["vanish", () => this.#vanish()]],
      [4, ["intrude", () => this.#intrude()]],
      [24, ["start", () => executions.start()]],
      [12, ["look", () => executions.look()]],
      [3, ["poll", () => executions.poll()]],
      [14, ["feed", () => executions.feed()]],
      [5, ["signal", () => executions.signal()]],
      [3, ["end", () => executions.end()]],
      [2, ["look at another's", () => executions.intrude()]],
      [8, ["wait", () => this.#ground.pass(random.pick([100, 1000, 5000, 20_000]))]],
      [1, ["sleep", () => this.#ground.pass(61_000)]],
      [6, ["disturb", () => this.#say(`  ${this.#ground.disturb(random)}`)]],
      [3, ["calm", () => this.#ground.calm()]],
      [1.5, ["kill", () => this.#kill()]],
      [0.4, ["restart", () => this.#restart()]],
    ]);
    const [name, act] = action;
    this.#say(name);
    this.#count(name);
    await act();
  }

  /** Files take turns of the event loop that nobody counts: what is to end has some more. */
  async #settle(): Promise<void> {
    const { isExact } = this.#ground;
    await this.#ground.settle();
    for (let turn = 0; isExact && turn < 40 && !this.#executions.isSettled; turn++) {
      await Bun.sleep(turn < 20 ? 0 : 1);
      await this.#ground.settle();
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #meet(known: Known): void {
    this.#known.push(known);
    if (this.#known.length > remembered) this.#known.shift();
  }

  #say(what: string): void {
    this.#trace.push(what);
    if (this.#trace.length > 200) this.#trace.splice(0, 100);
  }

  #open(): void {
    const { programs, life } = this.#ground;
    this.#values++;
    const value = `v${this.#values}`;
    const principal = this.#random.pick(principals);
    const flavor = this.#random.pick<Flavor>(["small", "small", "medium", "large"]);
    const { sessions } = life;
    this.#run(`open ${value} ${flavor} for ${principal}`, async (signal) => {
      const opening = toEnd(
        sessions.run({
          ...{ principal, kind: "code", source: programs.set(value), template: undefined, flavor },
          ...{ sessionId: undefined, timeoutMs: undefined, signal },
        }),
      );
      const ran = await opening.catch((error: unknown) => {
        const reason = error instanceof Failure ? error.context.reason : undefined;
        if (reason !== "evicted" && reason !== "expired") throw error;
        throw new Error(`it was ${reason} before its first run`, { cause: error });
      });
      const { sessionId } = ran.session;
      if (!ran.created) throw new Error(`a new session was not new: ${sessionId}`);
      if (this.#known.some(({ id }) => id === sessionId)) throw new Error(`two sessions have the id ${sessionId}`);
      // A run that was canceled may not have come to set it.
      if (!ran.outcome.success) return;
      this.#meet({ id: sessionId, principal, value, flavor, isReset: false, reason: undefined });
    });
  }

  #use(): void {
    const known = this.#anyToUse();
    if (known === undefined) return;
    const { programs } = this.#ground;
    this.#run(`use ${known.value}`, async (signal) => {
      const { outcome, created } = await this.#inUse(known, (sessions) =>
        toEnd(sessions.run({ ...request(known, programs.get), signal })),
      );
      if (created) throw new Error(`${known.value} was silently new`);
      if (outcome.ended === "exited" && outcome.stdout !== `${known.value}\n` && !known.isReset) {
        throw new Error(`${known.value} answered ${JSON.stringify(outcome.stdout + outcome.stderr)}`);
      }
      if (known.reason !== undefined) throw new Error(`${known.value} is back, and was ${known.reason}`);
    });
  }

  #hang(): void {
    const known = this.#anyToUse();
    if (known === undefined) return;
    const { programs, life } = this.#ground;
    const timeoutMs = this.#random.pick([500, 5000, 90_000]);
    this.#run(`hang ${known.value} for ${timeoutMs} ms`, async (signal) => {
      const { outcome } = await this.#inUse(known, (sessions) =>
        toEnd(sessions.run({ ...request(known, programs.forever), timeoutMs, signal })),
      );
      if (outcome.ended === "canceled" && !signal.aborted) await this.#learnWhy(known, life);
      if (outcome.ended !== "timed_out" && outcome.ended !== "canceled") throw new Error(`it ended: ${outcome.ended}`);
    });
  }

  /** What is in use is neither evicted nor expired: it may be stopped, lost, or ended with the server. */
  async #inUse<T>(known: Known, use: (sessions: Life["sessions"]) => Promise<T>): Promise<T> {
    const { sessions } = this.#ground.life;
    const isThere = sessions.list(known.principal, known.id).some(isActive);
    try {
      return await use(sessions);
    } catch (error) {
      const reason = error instanceof Failure ? error.context.reason : undefined;
      if (isThere && (reason === "evicted" || reason === "expired")) {
        throw new Error(`${known.value} was ${reason} while it was in use`, { cause: error });
      }
      throw error;
    }
  }

  /** Why a run was canceled that nobody has canceled. */
  async #learnWhy(known: Known, life: Life): Promise<void> {
    if (life !== this.#ground.life || life.sessions.list(known.principal, known.id).some(isActive)) return;
    const stopped = await life.sessions.stop(known.principal, known.id);
    if (stopped.stopped) return;
    const reason = reasonIn(stopped.absence);
    if (reason === "evicted" || reason === "expired") throw new Error(`${known.value} was ${reason} while it ran`);
  }

  #vanish(): void {
    const known = this.#anyToUse();
    if (known === undefined) return;
    const { programs, life } = this.#ground;
    this.#run(`vanish ${known.value}`, async (signal) => {
      await life.sessions.run({ ...request(known, programs.vanish), kind: "command", timeoutMs: 5000, signal });
    });
  }

  #cancel(): void {
    if (this.#pending.size === 0) return;
    const pending = this.#random.pick([...this.#pending]);
    this.#say(`  ${pending.what}`);
    pending.cancel.abort(new Canceled("canceled"));
  }

  #stop(): void {
    const known = this.#any();
    if (known === undefined) return;
    const { sessions } = this.#ground.life;
    this.#run(`stop ${known.value}`, async () => {
      const stopped = await sessions.stop(known.principal, known.id);
      if (!stopped.stopped && stopped.absence === "stopping") {
        // It took longer than callers wait, and goes on.
        const [listed] = sessions.list(known.principal, known.id);
        if (listed?.status !== "stopping") throw new Error(`it is told stopping, and is ${listed?.status ?? "gone"}`);
      } else if (!stopped.stopped) this.#learn(known, reasonIn(stopped.absence));
      else if (sessions.list(known.principal, known.id).length > 0) throw new Error("it was stopped, and is there");
    });
  }

  /** Somebody else's id is as good as none. */
  #intrude(): void {
    const known = this.#any();
    if (known === undefined) return;
    const { sessions } = this.#ground.life;
    const stranger = this.#random.pick(principals.filter((name) => name !== known.principal));
    this.#run(`intrude into ${known.value} as ${stranger}`, async (signal) => {
      const intruding = sessions.run({ ...request(known, this.#ground.programs.get), principal: stranger, signal });
      const failure = await intruding.then(
        () => undefined,
        (error: unknown) => error,
      );
      const isRefused = failure instanceof Failure && failure.context.reason === "unknown";
      // Nobody may run anything then.
      const isFull = failure instanceof Failure && failure.message.includes("left running on this server");
      if (!isRefused && !isFull && !(failure instanceof Canceled) && !isShuttingDown(failure)) {
        throw new Error(`${stranger} got ${String(failure)}`);
      }
    });
  }

  /** What was asked of a life that was killed is answered by nobody. */
  async #kill(): Promise<void> {
    this.#noteEvents(this.#ground.life);
    this.#executions.aboutToBeKilled();
    this.#pending.clear();
    await this.#ground.kill();
    this.#eventsSeen = 0;
    this.#executions.wasKilled();
  }

  async #restart(): Promise<void> {
    const { life } = this.#ground;
    await this.#ground.restart();
    this.#noteEvents(life);
    this.#pending.clear();
    this.#eventsSeen = 0;
    this.#executions.wasRestarted();
  }

  #run(what: string, act: (signal: AbortSignal) => Promise<void>): void {
    this.#say(`  ${what}`);
    const cancel = new AbortController();
    const { life } = this.#ground;
    const settled = act(cancel.signal)
      .catch((error: unknown) => {
        if (!isExpected(error)) this.#problem ??= new Error(`${what}: ${String(error)}`, { cause: error });
      })
      .then(() => void this.#pending.delete(pending));
    const pending: Pending = { what, cancel, settled };
    if (life === this.#ground.life) this.#pending.add(pending);
  }

  #anyToUse(): Known | undefined {
    const known = this.#any();
    if (known !== undefined) this.#executions.touch(known.id);
    return known;
  }

  #any(): Known | undefined {
    if (this.#known.length === 0) return undefined;
    // Mostly one that may still be there.
    const open = this.#known.filter(({ reason }) => reason === undefined);
    return this.#random.pick(open.length > 0 && this.#random.next() < 0.85 ? open : this.#known);
  }

  /** After every step. */
  #check(): void {
    const { life, maxSessions, maxMemoryMib } = this.#ground;
    const { places, memoryMib } = life.admission.usage;
    if (places > maxSessions) throw new Error(`${places} places are taken, of ${maxSessions}`);
    if (memoryMib > maxMemoryMib) throw new Error(`${memoryMib} MiB are taken, of ${maxMemoryMib}`);
    const owned = new Map(this.#active().map((view) => [view.sessionId, view]));
    const live = this.#ground.sandboxes();
    if (new Set(live).size < live.length) throw new Error(`a session has two sandboxes: ${live.join(", ")}`);
    const ownedLive = live.filter((id) => owned.has(id));
    if (ownedLive.length > maxSessions) throw new Error(`${ownedLive.length} sandboxes live, of ${maxSessions}`);
    for (const { status, sessionId } of owned.values()) {
      if ((status === "ready" || status === "busy") && !live.includes(sessionId)) {
        const isLost = life.events.some((event) => event.type === "sandbox.lost" && event.sessionId === sessionId);
        if (!isLost) throw new Error(`${sessionId} is ${status} without a sandbox`);
      }
    }
    this.#noteEvents(life);
    this.#executions.check();
  }

  #active() {
    return principals.flatMap((principal) => this.#ground.life.sessions.list(principal));
  }

  #noteEvents({ events }: Life): void {
    for (const event of events.slice(this.#eventsSeen)) {
      if (event.type !== "session.closed") continue;
      const times = (this.#closed.get(event.sessionId) ?? 0) + 1;
      this.#closed.set(event.sessionId, times);
      if (times > 1) throw new Error(`${event.sessionId} was closed ${times} times`);
    }
    this.#eventsSeen = events.length;
  }

  /** With nothing going on any more, all is accounted for. */
  async #comeToRest(): Promise<void> {
    this.#say("come to rest");
    const { ground, pending } = { ground: this.#ground, pending: this.#pending };
    ground.calm();
    for (const { cancel } of pending) cancel.abort(new Canceled("canceled"));
    await this.#settle();
    this.#executions.check();
    const restsSinceMs = ground.nowMs();
    await ground.pass(ground.orphansGoneMs);
    await Promise.all([...pending].map(({ settled }) => settled));
    const isOnTheMove = ({ status }: { readonly status: string }) => status === "starting" || status === "stopping";
    await ground.untilRest(() => {
      const now = this.#active();
      const { places: taken, waiting: queued } = ground.life.admission.usage;
      const isEven = taken === now.length && ground.sandboxes().length === now.length;
      return isEven && queued === 0 && !now.some(isOnTheMove) && this.#executions.isSettled;
    });
    this.#check();
    await this.#executions.rest(restsSinceMs);
    const active = this.#active();
    const { places, waiting, memoryMib } = ground.life.admission.usage;
    if (places !== active.length || waiting !== 0) {
      throw new Error(`${places} places are taken by ${active.length} sessions, and ${waiting} wait for nothing`);
    }
    const needed = active.reduce((sum, { flavor }) => sum + defaultFlavors[flavor].memoryMib, 0);
    if (memoryMib !== needed) throw new Error(`${memoryMib} MiB are taken for ${needed}`);
    const ids = active.map(({ sessionId }) => sessionId).sort();
    const live = [...ground.sandboxes()].sort();
    if (ids.join() !== live.join()) throw new Error(`sessions ${ids.join(", ")} have sandboxes ${live.join(", ")}`);
    for (const known of this.#known) if (!ids.includes(known.id)) await this.#bury(known);
  }

  /** A session that is not there says why, always the same. */
  async #bury(known: Known): Promise<void> {
    const stopped = await this.#ground.life.sessions.stop(known.principal, known.id);
    if (stopped.stopped) throw new Error(`${known.value} was not there, and was stopped`);
    this.#learn(known, reasonIn(stopped.absence));
  }

  #learn(known: Known, reason: string): void {
    if (reason === "unknown") throw new Error(`${known.value} is gone without a word`);
    if (known.reason !== undefined && known.reason !== reason) {
      throw new Error(`${known.value} was ${known.reason}, and is ${reason} now`);
    }
    known.reason = reason;
  }
}

function request(known: Known, source: string) {
  const { principal, id: sessionId } = known;
  const none = { template: undefined, flavor: undefined, timeoutMs: undefined };
  return { principal, sessionId, source, kind: "code" as const, ...none };
}

function reasonIn(absence: unknown): string {
  const isEnding = typeof absence === "object" && absence !== null && "reason" in absence;
  return isEnding && typeof absence.reason === "string" ? absence.reason : "unknown";
}

function isShuttingDown(error: unknown): boolean {
  return error instanceof Failure && error.message.includes("shutting down");
}

/** What may happen to any call: it was canceled, there was no room, its session has ended, its sandbox was lost or never came. */
function isExpected(error: unknown): boolean {
  if (error instanceof Canceled) return true;
  if (!(error instanceof Failure)) return false;
  if (error.kind === "session_not_found") return error.context.reason !== "unknown";
  return ["limit_reached", "sandbox_creation", "code_execution", "command_execution"].includes(error.kind);
}
