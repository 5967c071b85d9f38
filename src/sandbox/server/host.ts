// The `server` host: makes sandboxes on a microsandbox server (the 0.2 HTTP API) and ends every one that it has made. User code does not
// run in the portal's interpreter: that one reads lines as if typed, cannot be interrupted, loses stderr, and is of no use after
// a timeout or an exit; and two ways of running code would give two sets of results.
// Each has a namespace of its own where the key allows, because a namespace's starts race and one bad entry spoils all of it; namespaces and
// names are used again (places.ts).

import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import { Gone } from "../linked/gone.ts";
import type { LinkedSandbox } from "../linked/sandbox.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../port.ts";
import { type Volume, writableFolders } from "../volumes.ts";
import { type Answers, compileAnswers } from "./answers.ts";
import { assemble } from "./assembly.ts";
import { CallError } from "./call-error.ts";
import { clearPlace } from "./clearing.ts";
import { type Address, type Client, createClient } from "./client.ts";
import { endForGood } from "./ending.ts";
import { inquire, type SandboxState } from "./inquiry.ts";
import { readKey } from "./key.ts";
import { startConfig } from "./launch.ts";
import { cleanerName, installationTag } from "./names.ts";
import { type Place, Places, type PlaceUse } from "./places.ts";
import { type Start, Starts } from "./starts.ts";
import { createSurvivors } from "./survivors.ts";
import { createTelling, type Telling } from "./telling.ts";
import { narrowKey, notEndedYet, notStopped, uncleared } from "./warnings.ts";

export type ServerHostOptions = {
  /** MSB_SERVER_URL. Credentials in it are sent where there is no key, and never shown. */
  readonly url: string;
  /** MSB_API_KEY; null for a server in dev mode. */
  readonly apiKey: string | null;
  /** Shared with every sandbox; the server's machine has to have them. */
  readonly volumes: readonly Volume[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** Tells this installation's sandboxes from others on the same server. */
  readonly installationId: string;
  /** For booting one sandbox, from asking for it until its interpreter is ready, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How many sandboxes there may be at once. Default 32. */
  readonly maxSandboxes?: number;
  /** How long after a sandbox's end its name is left alone, in milliseconds. Default 5,000. */
  readonly settleMs?: number;
  /** How long a server may stay away in mid-run before the sandbox is given up, in milliseconds. Default 10,000. */
  readonly patienceMs?: number;
  /** How often idle sandboxes are asked after, in milliseconds. Default 10,000. */
  readonly watchIntervalMs?: number;
};

/** Never throws for what a server lacks: health() and create() tell that. */
export function createServerHost(options: ServerHostOptions): SandboxHost {
  return new ServerHost(options);
}

/** port.ts: health() answers within 5 s. */
const healthMs = 4_000;
/** Starts that are out at once. */
const startsAtOnce = 8;
/** Places beyond those of the sandboxes that there may be: some are being cleared. */
const sparePlaces = 4;
/** What the time for a start is shortened by, so that who waits as long is told why by us. */
const tellingShare = 0.03;
/** How long disposal waits for the server to answer a start whose caller has left. */
const leavingMs = 5_000;
const notGoverned =
  "What a sandbox of a microsandbox server may reach is configured on that server, not for a single sandbox.";
/** How long a process that is about to end goes on stopping sandboxes on a server that is slow. */
const partingMs = 120_000;

class ServerHost implements SandboxHost {
  readonly backend = "server";
  readonly isolation = "a microVM on a microsandbox server";
  readonly survivors: Survivors;
  readonly #options: ServerHostOptions;
  readonly #answers: Answers;
  readonly #client: Client;
  readonly #telling: Telling;
  readonly #installation: string;
  readonly #places: Places;
  readonly #starts: Starts;
  /** The only namespace that the key is good for; null for any. */
  readonly #onlyNamespace: string | null;
  readonly #end = new AbortController();
  /** Aborted when the process is about to end, before `#end` is. */
  readonly #parting = new AbortController();
  /** Bounded by the sessions layer's limit of sessions. */
  readonly #sandboxes = new Map<LinkedSandbox, Address>();
  /** Boots and their clean-up; each is bounded in time. */
  readonly #work = new Set<Promise<unknown>>();
  #watching: Promise<void> | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: ServerHostOptions) {
    this.#options = options;
    this.#answers = compileAnswers();
    this.#client = createClient({ ...options, answers: this.#answers });
    this.#telling = createTelling({ ...options, client: this.#client });
    this.#installation = installationTag(options.installationId);
    const claim = options.apiKey === null ? null : (readKey(options.apiKey)?.namespace ?? null);
    this.#onlyNamespace = claim === "*" ? null : claim;
    const { clock, maxSandboxes = 32 } = options;
    const onlyNamespace = this.#onlyNamespace;
    // In one namespace each name makes every call slower.
    const count = onlyNamespace === null ? 2 * maxSandboxes + sparePlaces : maxSandboxes + sparePlaces;
    const common = { client: this.#client, clock, installation: this.#installation, onlyNamespace };
    this.#places = new Places({
      ...{ ...common, count, settleMs: options.settleMs ?? 5_000, signal: this.#end.signal },
      // They share one name there.
      clearedAtOnce: onlyNamespace === null ? 2 : 1,
      clear: (place, image, signal) => this.#clear(place, image, signal),
      onUncleared: ({ address }) => this.#warn(uncleared(address.sandbox, this.#installation)),
    });
    this.#starts = new Starts({
      ...{ client: this.#client, clock, places: this.#places, leavingMs, signal: this.#end.signal },
      atOnce: onlyNamespace === null ? startsAtOnce : 1,
      end: (place) => this.#endIn(place, "boot"),
    });
    this.survivors = createSurvivors({ ...common, count, places: this.#places, parting: this.#parting.signal });
    if (onlyNamespace !== null) this.#warn(narrowKey(onlyNamespace, count));
  }

  async health(signal: AbortSignal): Promise<HostHealth> {
    // A namespace that is not there: the answer is a refusal that costs the server nothing and shows that the key is taken.
    const namespace = this.#onlyNamespace ?? `msb-${this.#installation}-health`;
    try {
      await this.#client.metrics({ namespace, sandbox: "none" }, { deadlineMs: healthMs, signal });
      return { ok: true };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.problem === "rejected" || error.problem === "internal") return { ok: true };
      return { ok: false, reason: this.#telling.failure(error, "connection", "").message };
    }
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    if (spec.network !== undefined) throw new Failure("configuration", notGoverned);
    if (this.#end.signal.aborted) {
      throw new Failure("sandbox_creation", "The server is shutting down.");
    }
    const config = startConfig(spec, this.#options.volumes);
    const { clock, startTimeoutMs } = this.#options;
    const waitMs = startTimeoutMs * (1 - tellingShare);
    const untilMs = clock.monotonicMs() + waitMs;
    const late = new AbortController();
    const done = new AbortController();
    clock.sleep(waitMs, done.signal).then(
      () => late.abort(),
      () => {},
    );
    const either = AbortSignal.any([signal, this.#end.signal]);
    const orLate = AbortSignal.any([either, late.signal]);
    let start: Start | null = null;
    let isStarted = false;
    try {
      start = await this.#starts.begin(config, spec.sessionId, orLate);
      await abortable(start.answer, orLate);
      isStarted = true;
      const made = await this.#tracked(this.#assemble(spec, start.place, untilMs, either));
      this.#starts.settle(start);
      return made;
    } catch (error) {
      if (start !== null) {
        const gone = this.#tracked(this.#starts.leave(start));
        spec.onRemains?.(gone);
      }
      signal.throwIfAborted();
      if (late.signal.aborted && !isStarted) {
        throw this.#telling.tooSlow(spec, start !== null, this.#starts.pending, error);
      }
      throw await this.#telling.creationFailure(error, spec, start?.place.address ?? null);
    } finally {
      done.abort();
    }
  }

  windDown(): void {
    this.#parting.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #assemble(spec: SandboxSpec, place: Place, untilMs: number, signal: AbortSignal): Promise<LinkedSandbox> {
    const { address } = place;
    const keep = (made: LinkedSandbox) => {
      this.#sandboxes.set(made, address);
      this.#watching ??= this.#watch();
    };
    const destroy = async (made: LinkedSandbox) => {
      await this.#endIn(place, "session");
      this.#sandboxes.delete(made);
    };
    const { patienceMs = 10_000, clock } = this.#options;
    const { goneFailure: failureOf } = this.#telling;
    const options = { client: this.#client, answers: this.#answers, clock, patienceMs, failureOf };
    const volumes = writableFolders(this.#options.volumes);
    return await assemble(options, { address, spec, volumes, untilMs, signal, keep, destroy });
  }

  /** Ends the sandbox in a place, and gives the place back when it has ended. Never rejects. */
  async #endIn(place: Place, after: PlaceUse): Promise<void> {
    if (await this.#destroy(place.address)) this.#places.giveBack(place, after);
  }

  async #clear(place: Place, image: string, signal: AbortSignal): Promise<boolean> {
    const { namespace } = place.address;
    const number = this.#onlyNamespace === null ? place.number : 0;
    const cleaner = { namespace, sandbox: cleanerName(this.#installation, number) };
    const { clock, settleMs } = this.#options;
    const isCleared = await clearPlace({
      ...{ client: this.#client, clock, target: place.address, cleaner, image, signal },
      start: (address, config, either) => this.#starts.ask(address, config, either),
      end: async (address) => void (await this.#destroy(address)),
    });
    // Its name is used again for the next place.
    if (this.#onlyNamespace !== null) await clock.sleep(settleMs ?? 5_000, signal);
    return isCleared;
  }

  /** Resolves when it does not run any more; or, with false, when the process is about to end and cannot wait for that. */
  async #destroy(address: Address): Promise<boolean> {
    const { clock } = this.#options;
    const { sandbox } = address;
    const parting = this.#parting.signal;
    const onDelay = (state: SandboxState) => this.#warn(notEndedYet(sandbox, state));
    const isEnded = await endForGood({ client: this.#client, clock, address, parting, partingMs, onDelay });
    if (!isEnded) this.#warn(notStopped(sandbox));
    return isEnded;
  }

  /** Notices idle sandboxes that ended underneath; those that run something notice by themselves. */
  async #watch(): Promise<void> {
    const { clock, watchIntervalMs } = this.#options;
    try {
      for (;;) {
        await clock.sleep(watchIntervalMs ?? 10_000, this.#end.signal);
        for (const [sandbox, address] of this.#sandboxes) {
          if (!sandbox.over && (await inquire(this.#client, address, this.#end.signal)) === "ended") {
            sandbox.lose(new Gone("it ended underneath, as the microsandbox server says"));
          }
        }
      }
    } catch {
      // The host is being disposed.
    }
  }

  #warn(message: string): void {
    this.#options.emit({ type: "server.warning", message });
  }

  /** What the host waits for when it is disposed. */
  #tracked<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => void this.#work.delete(settled),
      () => void this.#work.delete(settled),
    );
    this.#work.add(settled);
    return work;
  }

  async #dispose(): Promise<void> {
    this.windDown();
    this.#end.abort(new Failure("sandbox_creation", "The server is shutting down."));
    await Promise.all([...this.#sandboxes.keys()].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    while (this.#work.size > 0) {
      await Promise.all(this.#work);
    }
    await this.#places.settled();
    await this.#watching;
  }
}

/** Rejects with the signal's reason as soon as it aborts; the promise goes on by itself. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
