// Executions of a walk: runs that outlive their calls, what is done to them, and what the model says that they must be after that.
//
// Each byte is read once, in its order, and is never another one; each execution is on as long as nothing has ended it, ends for a reason that it
// was given, and is told so ever after, over restarts too; nobody else finds it; no more than may be are left running.

import { Failure } from "../../src/failure.ts";
import { executionTasks } from "../../src/mcp/tools/tasks.ts";
import type { RunSignal } from "../../src/sandbox/port.ts";
import type { ExecutionView } from "../../src/sessions/executions/execution.ts";
import { readBytes } from "../../src/sessions/executions/reading.ts";
import type { Ground, Life } from "./ground.ts";
import { Canceled, isActive, type Known, principals } from "./known.ts";
import { anyProgram, type Program } from "./program.ts";
import type { Random } from "./random.ts";
import { Tracked } from "./tracked.ts";

export type WalkParts = {
  readonly ground: Ground;
  readonly random: Random;
  readonly say: (what: string) => void;
  readonly count: (what: string) => void;
  /** A call that is not waited for. */
  readonly run: (what: string, act: (signal: AbortSignal) => Promise<void>) => void;
  /** Undefined where there is none. */
  readonly any: () => Known | undefined;
  /** The walk gets to know a session. */
  readonly meet: (known: Known) => void;
  readonly knownOf: (sessionId: string) => Known | undefined;
};

/** Those that have ended are forgotten by the walk beyond so many. */
const remembered = 60;
/** What a killed server may have had in memory only, of one that goes on: the output of so long. Milliseconds. */
const flushIntervalMs = 1000;
/** So much of the output of one that has ended may stay in memory. Bytes. */
const inMemoryBytes = 4 * 1024;

export class ExecutionWalk {
  readonly #parts: WalkParts;
  readonly #ground: Ground;
  readonly #random: Random;
  #tracked: Tracked[] = [];
  /** Of earlier lives or sessions that have ended: nobody finds them any more. */
  readonly #gone: { readonly id: string; readonly principal: string }[] = [];
  /** When something was done to a session last, by the clock of this life. */
  readonly #touchedMs = new Map<string, number>();
  #eventsSeen = 0;
  /** Of this life. */
  readonly #closed = new Set<string>();
  #lines = 0;

  constructor(parts: WalkParts) {
    this.#parts = parts;
    this.#ground = parts.ground;
    this.#random = parts.random;
  }

  /** A session that is ending learns nothing of it. */
  touch(sessionId: string): void {
    const { sessions } = this.#ground.life;
    if (!principals.some((name) => sessions.list(name, sessionId).some(isActive))) return;
    this.#touchedMs.set(sessionId, this.#ground.nowMs());
  }

  async start(): Promise<void> {
    const ground = this.#ground;
    const random = this.#random;
    const known = random.next() < 0.25 ? undefined : this.#parts.any();
    const program = anyProgram(ground.programs, random);
    const principal = known?.principal ?? random.pick(principals);
    const waitMs = random.pick([0, 0, 100, 2000]);
    const timeoutMs = random.pick([2000, 30_000, 200_000, 200_000]);
    const refusal = this.#refusedInAll(principal) ?? (known === undefined ? undefined : this.#refusedIn(known));
    const cameMs = ground.nowMs();
    const { life } = ground;
    if (known !== undefined) this.touch(known.id);
    const leaving = new AbortController();
    this.#parts.run(`start ${program.name} in ${known?.value ?? "a new session"}, ${waitMs} ms`, async (canceling) => {
      const signal = AbortSignal.any([canceling, leaving.signal]);
      const ran = await life.sessions
        .runFor(waitMs, {
          ...{ principal, kind: program.kind, source: program.source, stdin: program.stdin, timeoutMs, signal },
          ...{ sessionId: known?.id, template: undefined, flavor: undefined },
        })
        .catch((error: unknown) => {
          if (error instanceof Failure && error.message.includes("may be left running")) this.#parts.count("refused");
          throw error;
        });
      if (life !== ground.life) return;
      if (refusal !== undefined && waitMs === 0) throw new Error(`it was not refused, although ${refusal}`);
      const { sessionId, flavor } = ran.session;
      if (known === undefined) {
        this.#parts.meet({
          ...{ id: sessionId, principal, value: sessionId, flavor },
          isReset: true,
          reason: undefined,
        });
      }
      const isLeft = ran.status === "running";
      const tracked = this.#track(life, ran.execution, principal, program, isLeft, cameMs, signal.aborted);
      this.#parts.count(isLeft ? "left running" : "ended in time");
      if (!isLeft || tracked === undefined) return;
      this.#checkBounds(sessionId);
      // What has been told as running goes on without its caller.
      leaving.abort(new Canceled("left"));
      const told = ran.left.stdout;
      if (told.truncatedBytes === 0 && !tracked.text.startsWith(told.text)) {
        throw new Error(`it was told with ${JSON.stringify(told.text)}`);
      }
    });
    // Mostly until it is told; else other things happen before that.
    if (random.next() < 0.75) await ground.pass(waitMs);
  }

  /** Reads on, or again from a place of before. */
  async look(): Promise<void> {
    const tracked = this.#anyTracked(0.5);
    if (tracked === undefined) return;
    const random = this.#random;
    const isAgain = random.next() < 0.3;
    const offset = isAgain ? random.below(tracked.readBytes + 1) : tracked.readBytes;
    await this.#read(tracked, offset, random.pick([4, 7, 100, 1000]));
    await this.#lookAtTask(tracked);
  }

  /** Waits for what comes, as a long poll does. */
  poll(): void {
    const tracked = this.#anyTracked(1);
    if (tracked === undefined) return;
    const ground = this.#ground;
    const { life } = ground;
    const { execution } = tracked;
    this.#find(tracked);
    const before = execution.output.spool.counts.stdout;
    const isNews = () => execution.output.spool.counts.stdout > before;
    const cameMs = ground.nowMs();
    this.#parts.run(`poll ${tracked.program.name} ${tracked.id}`, async (signal) => {
      await life.sessions.waitFor(execution, isNews, 5000, signal);
      if (life !== ground.life || signal.aborted || execution.status === "ended" || isNews()) return;
      // Timers of the system may be early by a fraction.
      if (ground.nowMs() - cameMs < 4990) throw new Error("it was answered without any news");
    });
  }

  async feed(): Promise<void> {
    const readers = this.#tracked.filter(
      (one) => one.execution.status === "running" && one.program.stdin === "open" && !one.isInputClosed,
    );
    const reader = this.#random.next() < 0.85 ? readers.findLast((one) => this.#isThere(one)) : undefined;
    const tracked = reader ?? this.#anyTracked(1);
    if (tracked === undefined) return;
    const { execution, program } = tracked;
    this.#find(tracked);
    const isLast = this.#random.next() < 0.15;
    const text = isLast && this.#random.next() < 0.5 ? undefined : `${++this.#lines} grün €5 😀\n`;
    this.#parts.say(`  ${tracked.id} ${text?.trim() ?? ""}${isLast ? ", closed" : ""}`);
    const isTaken =
      execution.status === "running" &&
      program.stdin === "open" &&
      !tracked.isInputClosed &&
      tracked.stoppedAtBytes === null;
    try {
      const { sessions } = this.#ground.life;
      await sessions.giveInput(execution, text, isLast, 1000);
    } catch (error) {
      if (!(error instanceof Failure && error.kind === "invalid_arguments")) throw error;
      if (isTaken && this.#ground.isExact) throw new Error(`${tracked.id} refused its input`, { cause: error });
      return;
    }
    if (!isTaken) throw new Error(`${tracked.id} took input that it cannot have`);
    this.#parts.count("input");
    if (text !== undefined) tracked.given(text, this.#ground.nowMs());
    if (isLast) tracked.isInputClosed = true;
  }

  signal(): void {
    const tracked = this.#anyTracked(1);
    if (tracked === undefined) return;
    const { execution, program } = tracked;
    this.#find(tracked);
    // A program that has not begun yet does not know what to do with signals.
    const hasBegun = program.start === "" || execution.output.spool.counts.stdout > 0;
    if (execution.status === "running" && !hasBegun) return;
    const signal = this.#random.pick<RunSignal>(["interrupt", "terminate", "kill"]);
    this.#parts.say(`  ${signal} to ${program.kind} ${program.name} ${tracked.id}, ${execution.status}`);
    const { status } = execution;
    try {
      execution.send(signal);
    } catch (error) {
      if (status === "ended" && error instanceof Failure && error.kind === "invalid_arguments") return;
      throw error;
    }
    if (status === "ended") throw new Error(`${tracked.id} has ended, and took ${signal}`);
    this.#parts.count("signal");
    if (execution.signal.aborted) tracked.isCanceled = true;
    else tracked.sent.add(signal);
    const known = this.#parts.knownOf(tracked.sessionId);
    if (program.kind === "code" && known !== undefined && (signal !== "interrupt" || !this.#ground.isExact)) {
      known.isReset = true;
    }
  }

  /** As a task is canceled. */
  end(): void {
    const tracked = this.#anyTracked(1);
    if (tracked === undefined) return;
    this.#parts.say(`  ${tracked.program.name} ${tracked.id}, ${tracked.execution.status}`);
    this.touch(tracked.sessionId);
    void this.#tasks.cancel({ principal: tracked.principal, audience: "agent" }, tracked.id);
    if (tracked.execution.status !== "ended") tracked.isCanceled = true;
    const known = this.#parts.knownOf(tracked.sessionId);
    if (tracked.program.kind === "code" && known !== undefined && !this.#ground.isExact) known.isReset = true;
  }

  /** Whoever else asks learns nothing, and nobody finds what is gone. */
  intrude(): void {
    const tracked = this.#anyTracked(0.5);
    if (tracked !== undefined) {
      const stranger = this.#random.pick(principals.filter((name) => name !== tracked.principal));
      this.#mustBeForgotten(tracked.id, stranger);
    }
    if (this.#gone.length === 0) return;
    const { id, principal } = this.#random.pick(this.#gone);
    this.#mustBeForgotten(id, principal);
  }

  /** After every step. */
  check(): void {
    const { life, isExact } = this.#ground;
    const nowMs = this.#ground.nowMs();
    const sessions = new Map(principals.flatMap((name) => life.sessions.list(name)).map((one) => [one.sessionId, one]));
    const lost = new Set(life.events.flatMap((event) => (event.type === "sandbox.lost" ? [event.sessionId] : [])));
    for (const tracked of this.#tracked) {
      const { execution } = tracked;
      const { status } = execution;
      const told = sessions.get(tracked.sessionId);
      const hasSession = told !== undefined && isActive(told) && !lost.has(tracked.sessionId);
      if (status === "queued" && tracked.seenRunningMs !== null) throw new Error(`${tracked.id} is queued again`);
      if (status === "running") tracked.seenRunningMs ??= nowMs;
      if (execution.end !== undefined) {
        // What can still be read of it goes with its session.
        const view = { ...execution.view, missing: undefined };
        const objection = tracked.ended === undefined && tracked.objectionTo(execution.end, nowMs, hasSession);
        if (objection)
          throw new Error(`${tracked.program.name} ${tracked.id} has ended as ${view.ended}: ${objection}`);
        tracked.ended ??= view;
        if (!Bun.deepEquals(tracked.ended, view)) {
          throw new Error(`${tracked.id} was ${JSON.stringify(tracked.ended)}, and is ${JSON.stringify(view)}`);
        }
        continue;
      }
      if (tracked.ended !== undefined) throw new Error(`${tracked.id} had ended, and is ${status}`);
      // One that its server was killed under may go on, until its session has its sandbox.
      if (!isExact || (tracked.stoppedAtBytes !== null && told?.status === "starting")) continue;
      const reason = hasSession ? tracked.mustHaveEnded(nowMs) : "its session has ended";
      if (reason !== undefined) throw new Error(`${tracked.program.name} ${tracked.id} is ${status}, but ${reason}`);
      if (told?.status === "ready") throw new Error(`${tracked.id} is ${status} in a session that is ready`);
    }
    for (const { sessionId, status } of sessions.values()) this.#checkSession(sessionId, status);
    this.#noteEvents(life);
    this.#forgetOld();
  }

  /** Whether all that must end has: where that takes time. */
  get isSettled(): boolean {
    const nowMs = this.#ground.nowMs();
    const { sessions } = this.#ground.life;
    // One that has just begun has to end by itself as well.
    for (const tracked of this.#tracked) if (tracked.execution.status === "running") tracked.seenRunningMs ??= nowMs;
    return this.#tracked.every(
      (tracked) =>
        tracked.execution.status === "ended" ||
        (tracked.mustHaveEnded(nowMs) === undefined &&
          sessions.list(tracked.principal, tracked.sessionId).some(isActive)),
    );
  }

  /** All has come to rest after time in which nobody did anything: since `sinceMs`. What has ended is read to its end. */
  async rest(sinceMs: number): Promise<void> {
    if (!this.isSettled) {
      const nowMs = this.#ground.nowMs();
      const still = this.#tracked.find((one) => one.execution.status !== "ended" && one.mustHaveEnded(nowMs));
      throw new Error(`${still?.program.name} ${still?.id} goes on, although ${still?.mustHaveEnded(nowMs)}`);
    }
    for (const tracked of this.#tracked) {
      const { execution, program } = tracked;
      if (execution.end === undefined || !this.#isThere(tracked)) continue;
      while (tracked.readBytes < execution.output.spool.counts.stdout)
        await this.#read(tracked, tracked.readBytes, 1000);
      const isWell = "outcome" in execution.end && execution.end.outcome.success;
      if (isWell && tracked.readBytes !== tracked.bytes.length) {
        throw new Error(`${program.name} ${tracked.id} wrote ${tracked.readBytes} bytes of ${tracked.bytes.length}`);
      }
    }
    this.#checkStillness(sinceMs);
  }

  /** The life is about to be killed. */
  aboutToBeKilled(): void {
    this.check();
    const { survives } = this.#ground;
    const nowMs = this.#ground.nowMs();
    for (const tracked of this.#tracked) {
      if (tracked.ended !== undefined || !survives) continue;
      tracked.stoppedAtBytes = tracked.bytesOlderThan(nowMs - flushIntervalMs);
    }
    this.#tracked = this.#tracked.filter((tracked) => {
      const isLarge = tracked.execution.output.spool.counts.all > inMemoryBytes;
      if (survives && this.#isThere(tracked) && (tracked.wasLeft || isLarge)) return true;
      this.#gone.push(tracked);
      return false;
    });
  }

  /** Another life has begun: each is found again if its session may be. */
  wasKilled(): void {
    this.#eventsSeen = 0;
    this.#touchedMs.clear();
    this.#closed.clear();
    const { sessions } = this.#ground.life;
    this.#tracked = this.#tracked.filter((tracked) => {
      if (!this.#isThere(tracked)) {
        this.#gone.push(tracked);
        return false;
      }
      tracked.execution = sessions.execution(tracked.principal, tracked.id);
      tracked.cameMs = null;
      const { stdout } = tracked.execution.output.spool.counts;
      const { stoppedAtBytes } = tracked;
      if (tracked.ended === undefined && stoppedAtBytes !== null) {
        this.#parts.count("stopped with the server");
        if (stdout < stoppedAtBytes) throw new Error(`${tracked.id} had ${stoppedAtBytes} bytes, and has ${stdout}`);
        // What it had not written where the next server finds it was never read as far as that server can know.
        tracked.hasLeft(stdout);
      } else this.#parts.count("found again");
      return true;
    });
  }

  /** The life has been ended in order, and with it all sessions. */
  wasRestarted(): void {
    this.#eventsSeen = 0;
    this.#touchedMs.clear();
    this.#closed.clear();
    this.#gone.push(...this.#tracked.splice(0));
  }

  #track(
    life: Life,
    view: ExecutionView,
    principal: string,
    program: Program,
    isLeft: boolean,
    cameMs: number,
    isCanceled: boolean,
  ): Tracked | undefined {
    if (!life.sessions.list(principal, view.sessionId).some(isActive)) return undefined;
    this.touch(view.sessionId);
    const execution = life.sessions.execution(principal, view.executionId);
    const tracked = new Tracked(execution, program, isLeft, cameMs);
    tracked.isCanceled = isCanceled;
    this.#tracked.push(tracked);
    return tracked;
  }

  /** Mostly one that goes on, with that share. */
  #anyTracked(share: number): Tracked | undefined {
    const on = this.#tracked.filter(({ execution }) => execution.status !== "ended");
    const from = on.length > 0 && this.#random.next() < Math.max(share, 0.5) * 0.9 ? on : this.#tracked;
    const there = from.filter((tracked) => this.#isThere(tracked));
    return there.length === 0 ? undefined : this.#random.pick(there);
  }

  /** Its session is there, and is not ending. */
  #isThere({ principal, sessionId }: Tracked): boolean {
    return this.#ground.life.sessions.list(principal, sessionId).some(isActive);
  }

  #find(tracked: Tracked): void {
    this.touch(tracked.sessionId);
    const found = this.#ground.life.sessions.execution(tracked.principal, tracked.id);
    if (found !== tracked.execution) throw new Error(`${tracked.id} is another execution now`);
  }

  async #read(tracked: Tracked, offset: number, limit: number): Promise<void> {
    const { execution } = tracked;
    this.#find(tracked);
    const isEnded = execution.status === "ended";
    const { spool } = execution.output;
    const read = await readBytes(spool, { source: "stdout", offset, limit, maxBytes: 1000, isEnded });
    if (spool.isDropped) return;
    const bytes = Buffer.from(read.text);
    const isAligned = offset === tracked.readBytes;
    // From the middle of a character on, what is told of it is a mark.
    if (!isAligned) return this.#compare(tracked, read.text, offset, limit);
    if (read.nextOffset !== offset + bytes.length) throw new Error(`${bytes.length} bytes lead to ${read.nextOffset}`);
    if (!tracked.bytes.subarray(offset).subarray(0, bytes.length).equals(bytes)) {
      throw new Error(`${tracked.id} at ${offset}: ${JSON.stringify(read.text)}, not ${JSON.stringify(tracked.text)}`);
    }
    tracked.readBytes = read.nextOffset;
    const hasAll = tracked.readBytes === tracked.bytes.length;
    const mayHaveMore = execution.status !== "queued" && tracked.seenRunningMs !== null && tracked.ended === undefined;
    if (this.#ground.isExact && mayHaveMore && !read.hasMore && !hasAll) {
      throw new Error(`${tracked.id} has ${tracked.readBytes} bytes to read, of ${tracked.bytes.length}`);
    }
  }

  /** What was read before is what is read again, but for what is cut at its two ends. */
  #compare(tracked: Tracked, text: string, offset: number, limit: number): void {
    const before = tracked.bytes.subarray(offset, offset + Math.min(limit, 1000)).toString();
    const whole = (part: string) => part.replaceAll("\ufffd", "");
    if (!whole(before).startsWith(whole(text))) {
      throw new Error(`${tracked.id} again at ${offset}: ${JSON.stringify(text)}, not ${JSON.stringify(before)}`);
    }
  }

  /** Its task tells the same. */
  async #lookAtTask(tracked: Tracked): Promise<void> {
    const { execution } = tracked;
    const before = execution.status;
    const told = await this.#tasks.get({ principal: tracked.principal, audience: "agent" }, tracked.id);
    if (before !== execution.status) return;
    const ended = tracked.ended?.ended === "canceled" ? "cancelled" : "completed";
    const status = execution.status === "ended" ? ended : "working";
    if (told.status !== status) throw new Error(`the task of ${tracked.id} is ${told.status}, not ${status}`);
  }

  get #tasks() {
    return executionTasks({ sessions: this.#ground.life.sessions, toolErrors: "auto" });
  }

  #mustBeForgotten(id: string, principal: string): void {
    try {
      this.#ground.life.sessions.execution(principal, id);
    } catch (error) {
      if (error instanceof Failure && error.context.reason === "forgotten") return;
      throw error;
    }
    throw new Error(`${principal} has found ${id}`);
  }

  #refusedInAll(principal: string): string | undefined {
    const { isExact, maxLeftRunningInAll, maxLeftRunningPerPrincipal } = this.#ground;
    if (!isExact) return undefined;
    const left = this.#tracked.filter(({ wasLeft, execution }) => wasLeft && execution.status !== "ended");
    const own = left.filter((one) => one.principal === principal);
    const isRefused = left.length >= maxLeftRunningInAll || own.length >= maxLeftRunningPerPrincipal;
    return isRefused ? `${left.length} are left running, ${own.length} of ${principal}` : undefined;
  }

  #refusedIn(known: Known): string | undefined {
    const { isExact, maxLeftRunning } = this.#ground;
    if (!isExact) return undefined;
    const own = this.#tracked.filter(({ sessionId, wasLeft }) => wasLeft && sessionId === known.id);
    const left = own.filter(({ execution }) => execution.status === "running").length;
    return left >= maxLeftRunning ? `${left} are left running in ${known.id}` : undefined;
  }

  /** However calls come together, no more are left running than may be. */
  #checkBounds(sessionId: string): void {
    const { maxLeftRunning, maxLeftRunningInAll, maxLeftRunningPerPrincipal } = this.#ground;
    const left = this.#tracked.filter(({ wasLeft, execution }) => wasLeft && execution.status !== "ended");
    const own = left.filter((one) => one.sessionId === sessionId);
    if (left.length > maxLeftRunningInAll || own.length > maxLeftRunning) {
      throw new Error(`${left.length} are left running, and ${own.length} in ${sessionId}`);
    }
    for (const name of principals) {
      const theirs = left.filter(({ principal }) => principal === name).length;
      if (theirs > maxLeftRunningPerPrincipal) throw new Error(`${theirs} of ${name} are left running`);
    }
  }

  /** Two pieces of code never run at once, and a session that is ready has nothing on. */
  #checkSession(sessionId: string, status: string): void {
    const on = this.#ground.life.sessions.executionsOf(sessionId).filter((one) => one.status !== "ended");
    const code = on.filter((one) => one.status === "running" && one.kind === "code");
    if (code.length > 1) throw new Error(`${code.length} pieces of code run in ${sessionId}`);
    if (status === "ready" && on.length > 0) throw new Error(`${sessionId} is ready, and ${on.length} are on in it`);
  }

  /** What is in use is not evicted; it expires only if it was still. */
  #noteEvents({ events }: Life): void {
    for (const event of events.slice(this.#eventsSeen)) {
      if (event.type === "session.closed") this.#closed.add(event.sessionId);
      if (event.type !== "session.closed" || (event.reason !== "evicted" && event.reason !== "expired")) continue;
      const { sessionId, reason } = event;
      const cut = this.#tracked.find(
        (one) => one.sessionId === sessionId && one.ended?.ended === "canceled" && !one.isCanceled,
      );
      if (cut === undefined) continue;
      const untouchedMs = this.#ground.nowMs() - (this.#touchedMs.get(sessionId) ?? Number.NEGATIVE_INFINITY);
      if (reason === "evicted" || !this.#ground.tellsCpu || untouchedMs < this.#ground.sessionTimeoutMs) {
        throw new Error(`${sessionId} was ${reason} under ${cut.id}, ${untouchedMs} ms after its last use`);
      }
      this.#parts.count("expired still");
    }
    this.#eventsSeen = events.length;
  }

  /** What does nothing for longer than an idle session has does not keep a session, where CPU time is told. */
  #checkStillness(sinceMs: number): void {
    const { isExact, tellsCpu, sessionTimeoutMs } = this.#ground;
    if (!isExact || !tellsCpu || this.#ground.nowMs() - sinceMs < sessionTimeoutMs * 1.5) return;
    for (const { sessionId, id, seenRunningMs, execution } of this.#tracked) {
      const others = this.#tracked.filter((one) => one.sessionId === sessionId);
      const wasAlone = others.every(
        (one) => one.ended !== undefined || (one.seenRunningMs !== null && one.seenRunningMs <= sinceMs),
      );
      const isStill = execution.status === "running" && seenRunningMs !== null && seenRunningMs <= sinceMs;
      if (isStill && wasAlone && others.every((one) => one.ended === undefined)) {
        throw new Error(`${id} has done nothing for ${this.#ground.nowMs() - sinceMs} ms, and goes on`);
      }
    }
  }

  #forgetOld(): void {
    this.#tracked = this.#tracked.filter((tracked) => {
      if (!this.#closed.has(tracked.sessionId) || tracked.ended === undefined) return true;
      this.#gone.push(tracked);
      return false;
    });
    const ended = this.#tracked.filter((one) => one.ended !== undefined);
    const excess = new Set(ended.slice(0, Math.max(0, ended.length - remembered)));
    this.#tracked = this.#tracked.filter((one) => !excess.has(one));
    if (this.#gone.length > remembered) this.#gone.splice(0, this.#gone.length - remembered);
  }
}
