// One node of a walk: a state directory, and one process after the other over it. Each process is the product's cluster, sessions and tools over the fake
// host; only the ways to the registry and to the other nodes, the time and the machine underneath are the walk's.

import { type Cluster, type ClusterSeat, openCluster } from "../../../src/cluster/open.ts";
import { createPeers } from "../../../src/cluster/peers/client.ts";
import type { NodeLoad, PeerAddress, Standing } from "../../../src/cluster/port.ts";
import { openRegistry } from "../../../src/cluster/registry/open.ts";
import { scripts } from "../../../src/cluster/registry/scripts.ts";
import { createCatalog } from "../../../src/mcp/catalog.ts";
import type { CallContext, ToolAnswer, ToolSet } from "../../../src/mcp/tool-set.ts";
import { defaultFlavors } from "../../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { tagOf } from "../../../src/sessions/ids.ts";
import { type Process, Restarts } from "../../fakes/restarts.ts";
import { NodeClock } from "./clocks.ts";
import { modelPosts } from "./model-posts.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { Net, Place } from "./net.ts";

export const clusterName = "walk";

export const limits = {
  maxSessions: 3,
  maxSessionsPerPrincipal: 4,
  sessionTimeoutMs: 3_600_000,
  startTimeoutMs: 5_000,
  cleanupIntervalMs: 60_000,
  orphanCleanupIntervalMs: 60_000,
  maxQueuedExecutions: 3,
  admissionWaitMs: 2_000,
};

/** Time until every place is back that nobody tells of, and every call has its answer or none. */
export const restMs = 120_000;

/** What the walk wants to know of what happens inside. */
export type Watching = {
  /** A program began, with the mark of its call. */
  readonly onRun: (mark: string, sessionId: string, life: Life) => void;
  /** A process has answered a call of its own sessions. */
  readonly onServed: (mark: string, life: Life) => void;
};

export type NodeOptions = {
  readonly name: string;
  readonly net: Net;
  readonly registry: ModelRegistry;
  readonly partition: "serve" | "refuse";
  readonly survives: boolean;
  readonly watching: Watching;
};

/** One process. */
export type Life = {
  readonly process: Process;
  readonly clock: NodeClock;
  readonly cluster: Cluster;
  readonly seat: ClusterSeat;
  readonly place: Place;
  /** Of its registrations that it has heard of. */
  readonly epochs: number[];
  readonly stack: AsyncDisposableStack;
  readonly killed: AbortController;
};

export class ModelNode implements AsyncDisposable {
  readonly id: string;
  readonly host: string;
  /** When its last process went. */
  goneMs = Number.POSITIVE_INFINITY;
  /** Whether others may have told its sessions lost by then. */
  wasLost = false;
  readonly #options: NodeOptions;
  readonly #restarts = new Restarts();
  /** In its state directory. */
  #remembered: readonly PeerAddress[] = [];
  #life: Life | undefined;
  #ending: Promise<void> | undefined;
  #isOpening = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.id = tagOf(this.#installationId);
    this.host = `${options.name}.test`;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Undefined while none is there. */
  get life(): Life | undefined {
    return this.#life;
  }

  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  get isUp(): boolean {
    return this.#life !== undefined && !this.isEnding;
  }

  get isStopped(): boolean {
    return this.#life?.clock.isStopped === true;
  }

  get standing(): Standing {
    return this.#life?.cluster.standing() ?? "lost";
  }

  /** Resolves once it has tried to join the others; never, if it is killed before. Does nothing while a process is there. */
  async start(rate: number, wrongMs: number): Promise<void> {
    if (this.#life !== undefined || this.#isOpening) return;
    this.#isOpening = true;
    const { net, registry, partition, survives, watching, name } = this.#options;
    const clock = new NodeClock(net.time, rate, wrongMs);
    const killed = new AbortController();
    const stack = new AsyncDisposableStack();
    const epochs: number[] = [];
    const own = { host: this.host, clock, gone: killed.signal };
    const connectTo = registry.connectTo(own, (script, answer) => {
      if (script === scripts.register && Array.isArray(answer) && answer[0] === "epoch") epochs.push(Number(answer[1]));
    });
    const cluster = await openCluster(
      {
        settings: {
          ...{
            cluster: "redis://walk",
            clusterName,
            clusterAddress: `http://${this.host}`,
            clusterPartition: partition,
          },
          ...{ clusterSecret: "a secret of 32 characters or more", host: "localhost", flavors: defaultFlavors },
          ...{ defaultFlavor: "small", maxSessionsPerPrincipal: limits.maxSessionsPerPrincipal },
          ...{ admissionWaitMs: limits.admissionWaitMs, sandboxStartTimeoutMs: limits.startTimeoutMs },
          ...{ maxRequestBytes: 1_000_000, toolErrors: "auto", maxMemoryMibPerPrincipal: undefined },
          ...{ clusterPort: undefined, clusterTlsCert: undefined, clusterTlsKey: undefined, clusterTlsCa: undefined },
        },
        ...{ installationId: this.#installationId, version: "0", templates: defaultTemplates, clock },
        remembered: {
          read: () => this.#remembered,
          keep: (peers) => {
            this.#remembered = peers;
          },
        },
        emit: () => undefined,
      },
      stack,
      {
        openRegistry: (options) => openRegistry(options, connectTo),
        createPeers: (options) => createPeers(options, modelPosts(net, own)),
      },
    );
    const process = this.#restarts.start(limits, {
      ...{ survive: survives, installation: name, installationId: this.#installationId, clock },
      beyond: cluster.beyond,
    });
    const local = createCatalog({
      ...{ sessions: process.sessions, clock, templates: defaultTemplates, flavors: defaultFlavors, volumes: [] },
      ...{ defaultFlavor: "small", sessionTimeoutMs: limits.sessionTimeoutMs, executionTimeoutMs: 20_000 },
      ...{ maxExecutionTimeoutMs: 86_400_000, executionWaitMs: 50_000, maxOutputBytes: 32_768, toolErrors: "auto" },
      transfers: { kind: "folders", dirs: [], maxBytes: 1_000_000, clock, emit: () => undefined },
    });
    let life: Life | undefined;
    process.host.script = async (request, sandbox, toy) => {
      const mark = markIn(request.source);
      if (mark !== undefined && life !== undefined) watching.onRun(mark, sandbox.spec.sessionId, life);
      return await toy();
    };
    const onServed = (mark: string) => {
      if (life !== undefined) watching.onServed(mark, life);
    };
    const seat = cluster.seat(heardOf(local, onServed), process.sessions);
    const place: Place = {
      ...own,
      isClosed: false,
      answer: (request) => seat.routes(request, { files: async () => nothing(), stream: () => nothing() }),
    };
    life = { process, clock, cluster, seat, place, epochs, stack, killed };
    this.#life = life;
    this.#isOpening = false;
    net.places.set(this.host, place);
    const load = (): NodeLoad => {
      const { active, limit, waiting, memoryMib, memoryLimitMib } = process.sessions.counts;
      return {
        ...{ sessions: active, maxSessions: limit, memoryMib, maxMemoryMib: memoryLimitMib, waiting, ahead: {} },
      };
    };
    await seat.join(`http://${this.host}`, load);
  }

  /** As SIGKILL does. */
  kill(): void {
    const { net } = this.#options;
    if (this.#life === undefined || this.isEnding) return;
    this.#end(this.#life);
    this.#restarts.kill();
    net.hasChanged();
  }

  /** As SIGTERM does; resolves once it has ended. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined || this.isEnding) return;
    life.seat.leaveSoon(false);
    life.place.isClosed = true;
    this.#ending = (async () => {
      await this.#restarts.stop();
      await life.stack.disposeAsync();
      this.#end(life);
      this.#ending = undefined;
      this.#options.net.hasChanged();
    })();
    await this.#ending;
  }

  /** As SIGSTOP does; and SIGCONT. */
  setStopped(isStopped: boolean): void {
    if (this.#life === undefined) return;
    this.#life.clock.isStopped = isStopped;
    this.#options.net.hasChanged();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life?.killed.abort();
    await this.#restarts[Symbol.asyncDispose]();
  }

  get #installationId(): string {
    return `installation of ${this.#options.name}`;
  }

  #end(life: Life): void {
    this.goneMs = this.#options.net.time.nowMs;
    this.wasLost = this.standing === "lost";
    life.killed.abort();
    // Nothing that is left of it here is woken any more.
    life.clock.isStopped = true;
    this.#life = undefined;
  }
}

const nothing = () => new Response(null, { status: 404 });

/** The first line of what the walk has run: `print` and the mark of the call. */
export function markIn(source: string): string | undefined {
  return /^print (\S+)/.exec(source)?.[1];
}

function heardOf(local: ToolSet, onServed: (mark: string) => void): ToolSet {
  const heard = async (answer: Promise<ToolAnswer>, args: unknown) => {
    const told = await answer;
    const { code } = Object(args) as { readonly code?: unknown };
    const mark = typeof code === "string" ? markIn(code) : undefined;
    if (mark !== undefined) onServed(mark);
    return told;
  };
  return {
    ...local,
    list: () => local.list(),
    call(name: string, args: unknown, context: CallContext) {
      const answer = local.call(name, args, context);
      return answer instanceof Promise ? heard(answer, args) : answer;
    },
  };
}
