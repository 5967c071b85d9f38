// The `server` host: makes sandboxes on a microsandbox server (the 0.2 HTTP API) and ends every one that it has made. User code does not
// run in the portal's interpreter: that one reads lines as if typed, cannot be interrupted, loses stderr, and is of no use after
// a timeout or an exit; and two ways of running code would give two sets of results.
// Each has a namespace of its own where the key allows, because a namespace's starts race and one bad entry spoils all of it; namespaces and
// names are used again (places.ts).

import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import { Gone } from "../linked/gone.ts";
import { createSpawn } from "../linked/guest-process.ts";
import { LinkedSandbox } from "../linked/sandbox.ts";
import type { HostHealth, Sandbox, SandboxHost, SandboxSpec, Survivors } from "../port.ts";
import { startInterpreter } from "../runner/runner.ts";
import type { Volume } from "../volumes.ts";
import { type Answers, compileAnswers } from "./answers.ts";
import { runnerPath, waitUntilReady } from "./boot.ts";
import { CallError } from "./call-error.ts";
import { clearPlace } from "./clearing.ts";
import { type Address, type Client, createClient } from "./client.ts";
import { createCourier } from "./courier.ts";
import { endForGood } from "./ending.ts";
import { toFailure } from "./failures.ts";
import { inquire, type SandboxState } from "./inquiry.ts";
import { readKey } from "./key.ts";
import { startConfig } from "./launch.ts";
import { RelayLink } from "./link.ts";
import { cleanerName, heldName, installationTag } from "./names.ts";
import { type Place, Places, type PlaceUse } from "./places.ts";
import { type Start, Starts } from "./starts.ts";
import { createSurvivors } from "./survivors.ts";

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
/** How long a process that is about to end goes on stopping sandboxes on a server that is slow. */
const partingMs = 120_000;

class ServerHost implements SandboxHost {
  readonly backend = "server";
  readonly isolation = "a microVM on a microsandbox server";
  readonly survivors: Survivors;
  readonly #options: ServerHostOptions;
  readonly #answers: Answers;
  readonly #client: Client;
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
      onUncleared: ({ address }) => this.#warnOfUncleared(address),
    });
    this.#starts = new Starts({
      ...{ client: this.#client, clock, places: this.#places, leavingMs, signal: this.#end.signal },
      atOnce: onlyNamespace === null ? startsAtOnce : 1,
      end: (place) => this.#endIn(place, "boot"),
    });
    this.survivors = createSurvivors({ ...common, count, places: this.#places, parting: this.#parting.signal });
    if (onlyNamespace !== null) options.emit({ type: "server.warning", message: narrowKey(onlyNamespace, count) });
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
      return { ok: false, reason: this.#failure(error, "connection", "").message };
    }
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
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
      if (late.signal.aborted && !isStarted) throw this.#tooSlow(spec, start !== null, error);
      throw await this.#creationFailure(error, spec, start?.place.address ?? null);
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
    const { clock } = this.#options;
    const { address } = place;
    const { language, env } = spec.template;
    const common = { client: this.#client, address, owner: spec.sessionId, language, answers: this.#answers, clock };
    const booted = await waitUntilReady({ ...common, signal, untilMs });
    const over = new AbortController();
    const courier = createCourier({
      ...common,
      signal: over.signal,
      folder: booted.folder,
      patienceMs: this.#options.patienceMs ?? 10_000,
    });
    let sandbox: LinkedSandbox | null = null;
    let broken: Gone | null = null;
    const link = new RelayLink({
      ...courier,
      onBroken: (error) => {
        broken = error instanceof Gone ? error : new Gone("the link to it broke");
        sandbox?.lose(broken);
      },
    });
    try {
      const interpreter = await startInterpreter(
        {
          spawn: createSpawn(link, (end) => sandbox?.interpreterEnded(end)),
          // The relay gathers output for a while, and passes on at once what comes on control-out.
          isControlSooner: true,
          language,
          interpreter: booted.interpreter,
          program: runnerPath(booted, language),
          env,
          clock,
        },
        signal,
      );
      const made: LinkedSandbox = new LinkedSandbox({
        ...{ name: heldName(address.sandbox, spec.sessionId), link, interpreter, clock, env },
        failureOf: (gone, kind) => this.#goneFailure(gone, kind),
        destroy: async () => {
          over.abort();
          await this.#endIn(place, "session");
          this.#sandboxes.delete(made);
        },
      });
      sandbox = made;
      signal.throwIfAborted();
      this.#sandboxes.set(made, address);
      this.#watching ??= this.#watch();
      return made;
    } catch (error) {
      link.end();
      over.abort();
      throw broken ?? error;
    }
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

  #warnOfUncleared({ sandbox }: Address): void {
    const message =
      `The files of ${sandbox} could not be cleared on the microsandbox server, so its name is not used again. ` +
      "Each name that the server knows makes it slower; stop this server and remove the namespaces that begin with " +
      `msb-${this.#installation} from its folder now and then.`;
    this.#options.emit({ type: "server.warning", message });
  }

  /** Resolves when it does not run any more; or, with false, when the process is about to end and cannot wait for that. */
  async #destroy(address: Address): Promise<boolean> {
    const { clock, emit } = this.#options;
    const { sandbox } = address;
    const onDelay = (state: SandboxState) => {
      const message = `The sandbox ${sandbox} has not ended on the microsandbox server yet: ${delays[state]}. Its place stays taken, and it is asked to end until it has.`;
      emit({ type: "server.warning", message });
    };
    const parting = this.#parting.signal;
    const isEnded = await endForGood({ client: this.#client, clock, address, parting, partingMs, onDelay });
    if (!isEnded) {
      const message = `The sandbox ${sandbox} could not be stopped on the microsandbox server; it may still run. The next start of this server ends it.`;
      emit({ type: "server.warning", message });
    }
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

  /** What the host waits for when it is disposed. */
  #tracked<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => void this.#work.delete(settled),
      () => void this.#work.delete(settled),
    );
    this.#work.add(settled);
    return work;
  }

  /** The time for a start is over, and the server has not said that it has started. */
  #tooSlow({ template }: SandboxSpec, isAsked: boolean, cause: unknown): Failure {
    const { shownUrl } = this.#client;
    const within = `within ${this.#options.startTimeoutMs / 1000} seconds`;
    const { pending } = this.#starts;
    const context = { server: shownUrl, image: template.serverImage, starts_under_way: pending };
    if (!isAsked) {
      const what = `The microsandbox server at ${shownUrl} had no place for a sandbox ${within}: ${pending} starts are under way.`;
      return new Failure("sandbox_creation", what, { advice: ["Call again in a minute."], context, cause });
    }
    const what = `The microsandbox server at ${shownUrl} did not start a sandbox of the image ${template.serverImage} ${within}. The start goes on: the first one of an image pulls it, which can take many minutes.`;
    const advice = [
      "Call again in a few minutes: the next call takes it over.",
      "Pull the image on the server's machine beforehand (`msb pull`), or raise --sandbox-start-timeout.",
    ];
    return new Failure("sandbox_creation", what, { advice, context, cause });
  }

  async #creationFailure(error: unknown, { template }: SandboxSpec, address: Address | null): Promise<Failure> {
    const what = `The microsandbox server at ${this.#client.shownUrl} did not start a sandbox of the image ${template.serverImage}`;
    if (error instanceof Failure) {
      return error;
    }
    if (error instanceof CallError) {
      return error.problem === "timeout"
        ? new Failure("sandbox_creation", `${what} within ${this.#options.startTimeoutMs / 1000} seconds.`, {
            cause: error,
          })
        : this.#failure(error, "sandbox_creation", `${what}; ${await this.#finding(address)}`);
    }
    if (error instanceof Gone) {
      return !(error.call instanceof CallError)
        ? new Failure("sandbox_creation", `${what}: ${error.message}.`, { cause: error })
        : this.#failure(error.call, "sandbox_creation", what);
    }
    return new Failure("sandbox_creation", `${what} whose interpreter works.`, { cause: error });
  }

  async #finding(address: Address | null): Promise<string> {
    return findings[address === null ? "unknown" : await inquire(this.#client, address)];
  }

  #goneFailure(gone: Gone, kind: FailureKind): Failure {
    return !(gone.call instanceof CallError)
      ? new Failure(kind, `The sandbox of this session was lost: ${gone.message}.`, { cause: gone })
      : this.#failure(gone.call, kind, `The sandbox of this session was lost: ${gone.message}`);
  }

  #failure(error: CallError, otherwise: FailureKind, what: string): Failure {
    const { apiKey, clock } = this.#options;
    return toFailure(error, otherwise, what, { shownUrl: this.#client.shownUrl, apiKey, nowMs: clock.now() });
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

/** What asking has found out about a start that the server calls failed without saying why (rule 8). */
const findings: Readonly<Record<SandboxState, string>> = {
  running: "it calls it running all the same",
  ended: "it answers, and calls it not running: the image may not exist, or may not have been pulled",
  unreachable: "it has stopped answering since",
  slow: "it has been too slow since to say what became of it",
  refused: "it refuses to say more",
  unknown: "it answers, and does not say what became of it",
};

function narrowKey(namespace: string, count: number): string {
  return (
    `The API key in MSB_API_KEY is good for the namespace ${namespace} only: all sandboxes share it, so that starts wait for one ` +
    `another and every call reads up to ${count + 1} names. A key for every namespace (\`msb server keygen\`) is faster.`
  );
}

/** What keeps a sandbox from ending. */
const delays: Readonly<Record<SandboxState, string>> = {
  running: "the server calls it running",
  ended: "it has just ended",
  unreachable: "the server cannot be reached",
  slow: "the server is slow to answer",
  refused: "the server refuses the API key",
  unknown: "the server does not say what became of it",
};

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
