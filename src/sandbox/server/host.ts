// The `server` host: makes sandboxes on a microsandbox server (the 0.2 HTTP API) and ends every one that it has made. User code does not
// run in the portal's interpreter: that one reads lines as if typed, cannot be interrupted, loses stderr, and is of no use after
// a timeout or an exit; and two ways of running code would give two sets of results.
// Each has a namespace of its own where the key allows, because a namespace's starts race and one bad entry spoils all of it.

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
import { type Address, type Client, createClient } from "./client.ts";
import { createCourier } from "./courier.ts";
import { endForGood } from "./ending.ts";
import { toFailure } from "./failures.ts";
import { inquire, type SandboxState } from "./inquiry.ts";
import { readKey } from "./key.ts";
import { type StartConfig, startConfig } from "./launch.ts";
import { RelayLink } from "./link.ts";
import { incarnations, installationTag, sandboxName } from "./names.ts";
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
  readonly #incarnations: Generator<string, never>;
  /** The only namespace that the key is good for; null for any. */
  readonly #onlyNamespace: string | null;
  readonly #end = new AbortController();
  /** Aborted when the process is about to end, before `#end` is. */
  readonly #parting = new AbortController();
  /** Bounded by the sessions layer's limit of sessions. */
  readonly #sandboxes = new Map<LinkedSandbox, Address>();
  /** Boots and their clean-up; each is bounded in time. */
  readonly #work = new Set<Promise<unknown>>();
  /** The last start in `#onlyNamespace`. */
  #turn: Promise<unknown> = Promise.resolve();
  #watching: Promise<void> | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: ServerHostOptions) {
    this.#options = options;
    this.#answers = compileAnswers();
    this.#client = createClient({ ...options, answers: this.#answers });
    this.#installation = installationTag(options.installationId);
    this.#incarnations = incarnations(options.clock.now());
    const claim = options.apiKey === null ? null : (readKey(options.apiKey)?.namespace ?? null);
    this.#onlyNamespace = claim === "*" ? null : claim;
    this.survivors = createSurvivors({
      client: this.#client,
      clock: options.clock,
      installation: this.#installation,
      onlyNamespace: this.#onlyNamespace,
      parting: this.#parting.signal,
    });
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
    const incarnation = this.#incarnations.next().value;
    const sandbox = sandboxName(this.#installation, spec.sessionId, incarnation);
    const address: Address = { namespace: this.#onlyNamespace ?? sandbox, sandbox };
    const either = AbortSignal.any([signal, this.#end.signal]);
    const untilMs = this.#options.clock.monotonicMs() + this.#options.startTimeoutMs;
    const started = this.#start(address, config, either);
    const booted = abortable(started, either).then(() => this.#assemble(spec, address, untilMs, either));
    this.#track(booted);
    try {
      return await booted;
    } catch (error) {
      const gone = this.#clearAway(started, address);
      this.#track(gone);
      spec.onRemains?.(gone);
      signal.throwIfAborted();
      throw await this.#creationFailure(error, spec, address);
    }
  }

  windDown(): void {
    this.#parting.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  /** Asks the server for a sandbox; resolves when it says that it has started. In one namespace one after the other (rule 1). */
  #start(address: Address, config: StartConfig, signal: AbortSignal): Promise<void> {
    const ask = async () => {
      signal.throwIfAborted();
      await this.#client.start(address, config, { deadlineMs: this.#options.startTimeoutMs });
    };
    if (this.#onlyNamespace === null) {
      return ask();
    }
    const turn = this.#turn.then(ask, ask);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #assemble(spec: SandboxSpec, address: Address, untilMs: number, signal: AbortSignal): Promise<LinkedSandbox> {
    const { clock } = this.#options;
    const { language, env } = spec.template;
    const common = { client: this.#client, address, language, answers: this.#answers, clock };
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
        ...{ name: address.sandbox, link, interpreter, clock, env },
        failureOf: (gone, kind) => this.#goneFailure(gone, kind),
        destroy: async () => {
          over.abort();
          await this.#destroy(address);
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

  /**
   * Ends what a boot that failed may have left. The server goes on with a start that it was asked for, whether somebody waits
   * for it or not; so the sandbox is stopped after the answer, or without one when the host cannot wait any longer.
   */
  async #clearAway(started: Promise<void>, address: Address): Promise<void> {
    const { promise: leaving, resolve } = Promise.withResolvers<void>();
    const leave = () => void this.#options.clock.sleep(leavingMs).then(resolve);
    const settled = new AbortController();
    this.#end.signal.addEventListener("abort", leave, { once: true, signal: settled.signal });
    if (this.#end.signal.aborted) leave();
    const outcome = await Promise.race([started.catch((error: unknown) => error), leaving]);
    settled.abort();
    if (!(outcome instanceof CallError && outcome.harmless)) {
      await this.#destroy(address);
    }
  }

  /** Resolves when it does not run any more, or when the process is about to end and cannot wait for that. */
  async #destroy(address: Address): Promise<void> {
    const { clock, emit } = this.#options;
    const { sandbox } = address;
    const onDelay = (state: SandboxState) => {
      const message = `The sandbox ${sandbox} has not ended on the microsandbox server yet: ${delays[state]}. Its place stays taken, and it is asked to end until it has.`;
      emit({ type: "server.warning", message });
    };
    const parting = this.#parting.signal;
    if (!(await endForGood({ client: this.#client, clock, address, parting, partingMs, onDelay }))) {
      const message = `The sandbox ${sandbox} could not be stopped on the microsandbox server; it may still run. The next start of this server ends it.`;
      emit({ type: "server.warning", message });
    }
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

  #track(work: Promise<unknown>): void {
    const settled = work.then(
      () => void this.#work.delete(settled),
      () => void this.#work.delete(settled),
    );
    this.#work.add(settled);
  }

  async #creationFailure(error: unknown, { template }: SandboxSpec, address: Address): Promise<Failure> {
    const what = `The microsandbox server at ${this.#client.shownUrl} did not start a sandbox of the image ${template.serverImage}`;
    if (error instanceof Failure) {
      return error;
    }
    if (error instanceof CallError) {
      return error.problem === "timeout"
        ? new Failure("sandbox_creation", `${what} within ${this.#options.startTimeoutMs / 1000} seconds.`, {
            cause: error,
          })
        : this.#failure(error, "sandbox_creation", `${what}; ${findings[await inquire(this.#client, address)]}`);
    }
    if (error instanceof Gone) {
      return !(error.call instanceof CallError)
        ? new Failure("sandbox_creation", `${what}: ${error.message}.`, { cause: error })
        : this.#failure(error.call, "sandbox_creation", what);
    }
    return new Failure("sandbox_creation", `${what} whose interpreter works.`, { cause: error });
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
