// The warm pool: sandboxes that are booted before anybody asks, so that a new session need not wait. It takes what room is left over, and
// gives it up to any session that needs it.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { causeOf, Failure } from "../failure.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import type { Sandbox, SandboxHost } from "../sandbox/port.ts";
import type { Template } from "../sandbox/templates.ts";
import type { Admission, Place } from "./admission.ts";
import type { Ahead, Pool } from "./ahead.ts";
import { bootAhead } from "./boot-ahead.ts";
import type { Executions } from "./executions/executions.ts";
import { newSessionId } from "./ids.ts";

/** So many sandboxes of one kind are to be ready. */
export type PoolShare = { readonly template: string; readonly flavor: Flavor; readonly count: number };

export type WarmPoolOptions = {
  readonly host: SandboxHost;
  readonly clock: Clock;
  readonly emit: Emit;
  /** As the sessions' own. */
  readonly installationId: string;
  readonly admission: Pick<Admission, "reserveAhead">;
  readonly executions: Pick<Executions, "hearing">;
  readonly templates: readonly Template[];
  readonly flavors: Flavors;
  /** Each of a template that there is, and of a kind of its own. */
  readonly shares: readonly PoolShare[];
  /** Whose sandboxes they are to be; nobody else is given any. Undefined: whoever's, and then they have nothing that is a principal's. */
  readonly principal: string | undefined;
  readonly startTimeoutMs: number;
};

/** After a failed boot, doubled with each one that follows it. Milliseconds. */
const firstBackoffMs = 1000;
const maxBackoffMs = 60_000;

/** How long after a member was taken the next boot begins at the soonest: it would have the processors that the taker's first call needs. Milliseconds. */
const refillDelayMs = 500;

/** How long it waits before it looks for room again. Milliseconds. */
const roomRetryMs = 2000;

/** A member that is lost sooner after its boot counts as a boot that failed. Milliseconds. */
const settledAfterMs = 60_000;

type Member = Ahead & { readonly share: PoolShare; readonly bootedAtMs: number };

type Boot = {
  readonly share: PoolShare;
  readonly sessionId: string;
  readonly giveUp: AbortController;
  /** Resolves when nothing is left of a boot that failed; undefined if nothing was. */
  remains: Promise<void> | undefined;
};

export class WarmPool implements Pool, AsyncDisposable {
  readonly #options: WarmPoolOptions;
  /** Those that are ready, oldest first; no more than the shares say. */
  readonly #ready = new Set<Member>();
  /** Those that are on their way out, by session id; each holds its place until nothing of it is left. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #boot: Boot | undefined;
  /** Boots in a row that failed. */
  #failedBoots = 0;
  /** Members that were lost soon after their boot, since one was taken or lived for longer. */
  #earlyLosses = 0;
  /** No boot before this. */
  #notBeforeMs = 0;
  #changed = Promise.withResolvers<void>();
  #filling: Promise<void> | undefined;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
  }

  /** Begins to fill it. Not sooner than sandboxes of before have their places again. */
  start(): void {
    this.#filling ??= this.#keepFull();
  }

  take(template: string, flavor: Flavor, principal: string): Ahead | undefined {
    if (this.#stop.signal.aborted) return undefined;
    if (this.#options.principal !== undefined && this.#options.principal !== principal) return undefined;
    const isAsked = (share: PoolShare) => share.template === template && share.flavor === flavor;
    const member = [...this.#ready].find(({ share }) => isAsked(share));
    if (member === undefined) {
      if (this.#options.shares.some(isAsked)) this.#options.emit({ type: "pool.missed", template, flavor });
      return undefined;
    }
    this.#earlyLosses = 0;
    // Not put off further by each one of many: they would keep it from ever being filled.
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#notBeforeMs <= nowMs) this.#notBeforeMs = nowMs + refillDelayMs;
    this.#remove(member);
    return { sessionId: member.sessionId, sandbox: member.sandbox, place: member.place };
  }

  members(): readonly string[] {
    const here = this.#boot === undefined ? [...this.#ready] : [...this.#ready, this.#boot];
    return [...here.map(({ sessionId }) => sessionId), ...this.#leaving.keys()];
  }

  /** How many are ready of each kind, by "template/flavor". */
  get ready(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { share } of this.#ready) {
      const kind = `${share.template}/${share.flavor}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  /** How many are ready, and how many there should be. */
  get counts(): { readonly ready: number; readonly wanted: number } {
    return { ready: this.#ready.size, wanted: this.#options.shares.reduce((sum, { count }) => sum + count, 0) };
  }

  /** Resolves once nothing of any member is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#boot?.giveUp.abort();
    for (const member of this.#ready) this.#discard(member);
    await this.#filling;
    await Promise.all(this.#leaving.values());
  }

  /** One boot at a time: it is nobody's hurry, and what sessions boot meanwhile is somebody's. */
  async #keepFull(): Promise<void> {
    const { clock, admission, flavors } = this.#options;
    while (!this.#stop.signal.aborted) {
      const share = this.#neediest();
      if (share === undefined) {
        await this.#change();
        continue;
      }
      const waitMs = this.#notBeforeMs - clock.monotonicMs();
      if (waitMs > 0) {
        await this.#pause(waitMs);
        continue;
      }
      const boot = this.#newBoot(share);
      const place = admission.reserveAhead(flavors[share.flavor].memoryMib, () => this.#giveUp(boot.sessionId));
      if (place === undefined) await this.#pause(roomRetryMs);
      else await this.#fill(boot, place);
    }
  }

  /** What is the furthest from full; of equals, the first that was configured. */
  #neediest(): PoolShare | undefined {
    const fullness = (share: PoolShare) => [...this.#ready].filter((it) => it.share === share).length / share.count;
    return this.#options.shares
      .map((share) => ({ share, full: fullness(share) }))
      .filter(({ full }) => full < 1)
      .sort((a, b) => a.full - b.full)[0]?.share;
  }

  #newBoot(share: PoolShare): Boot {
    return {
      share,
      sessionId: newSessionId(this.#options.installationId),
      giveUp: new AbortController(),
      remains: undefined,
    };
  }

  async #fill(boot: Boot, place: Place): Promise<void> {
    const { clock, emit } = this.#options;
    const { share, sessionId } = boot;
    const { template, flavor } = share;
    this.#boot = boot;
    const startedMs = clock.monotonicMs();
    try {
      const sandbox = await this.#create(boot);
      const bootMs = clock.monotonicMs() - startedMs;
      this.#failedBoots = 0;
      if (boot.giveUp.signal.aborted) {
        await sandbox[Symbol.asyncDispose]();
        place.free();
        return;
      }
      this.#add({ sessionId, sandbox, place, share, bootedAtMs: clock.monotonicMs() });
      emit({ type: "pool.filled", sessionId, template, flavor, bootMs });
    } catch (error) {
      this.#freeWhenGone(boot, place);
      if (boot.giveUp.signal.aborted && !(boot.giveUp.signal.reason instanceof Failure)) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#failedBoots++;
      const retryMs = this.#backOff(this.#failedBoots);
      emit({ type: "pool.failed", template, flavor, reason, cause: causeOf(error), retryMs });
    } finally {
      this.#boot = undefined;
    }
  }

  /** Of a boot that has failed: what had been started is destroyed by now, or `remains` (SandboxHost.create). */
  #freeWhenGone({ remains, sessionId }: Boot, place: Place): void {
    if (remains === undefined) {
      place.free();
      return;
    }
    const gone = remains.then(() => {
      this.#leaving.delete(sessionId);
      place.free();
    });
    this.#leaving.set(sessionId, gone);
  }

  /** Waits for the boot even once it is given up: until it settles, something of it may be there. */
  async #create(boot: Boot): Promise<Sandbox> {
    const { share, sessionId, giveUp } = boot;
    const { host, clock, templates, flavors, principal, startTimeoutMs, executions } = this.#options;
    const template = templates.find(({ name }) => name === share.template);
    if (template === undefined) throw new Failure("configuration", `there is no template ${share.template}.`);
    const onRemains = (gone: Promise<void>) => {
      boot.remains = gone;
    };
    const hearing = executions.hearing(sessionId);
    const spec = { sessionId, principal, template, resources: flavors[share.flavor], onRemains, ...hearing };
    return await bootAhead(spec, { host, clock, startTimeoutMs, giveUp });
  }

  #add(member: Member): void {
    this.#ready.add(member);
    void member.sandbox.lost.then((why) => this.#lose(member, why));
  }

  #lose(member: Member, why: string): void {
    const { emit, clock } = this.#options;
    // Once it is taken, its loss is the session's.
    if (!this.#ready.has(member)) return;
    const { template, flavor } = member.share;
    emit({ type: "pool.lost", sessionId: member.sessionId, template, flavor, reason: why });
    const isEarly = clock.monotonicMs() - member.bootedAtMs < settledAfterMs;
    this.#earlyLosses = isEarly ? this.#earlyLosses + 1 : 0;
    if (isEarly) this.#backOff(this.#earlyLosses);
    this.#discard(member);
  }

  /** A session needs the room. */
  #giveUp(sessionId: string): void {
    if (this.#boot?.sessionId === sessionId) {
      this.#boot.giveUp.abort();
      return;
    }
    for (const member of this.#ready) if (member.sessionId === sessionId) this.#discard(member);
  }

  #discard(member: Member): void {
    this.#remove(member);
    const { sessionId } = member;
    this.#leaving.set(
      sessionId,
      destroy(member).then(() => void this.#leaving.delete(sessionId)),
    );
  }

  #remove(member: Member): void {
    this.#ready.delete(member);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Puts the next boot off for as long as so many failures in a row ask for, and tells how long that is. */
  #backOff(failures: number): number {
    const waitMs = Math.min(firstBackoffMs * 2 ** (failures - 1), maxBackoffMs);
    this.#notBeforeMs = this.#options.clock.monotonicMs() + waitMs;
    return waitMs;
  }

  async #change(): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    const onStop = () => stopped.resolve();
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    await Promise.race([this.#changed.promise, stopped.promise]);
    this.#stop.signal.removeEventListener("abort", onStop);
  }

  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }
}

async function destroy({ sandbox, place }: Member): Promise<void> {
  await sandbox[Symbol.asyncDispose]();
  place.free();
}
