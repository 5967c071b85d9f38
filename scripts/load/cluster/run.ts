// One run: registry, nodes and balancers are started, clients load them by all ways at once, disturbances happen meanwhile, and all is taken down.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../client.ts";
import { sumOf } from "../figures.ts";
import { Slot } from "../slot.ts";
import { Tally } from "../tally.ts";
import { bareWay, sessionWay, statelessWay, type Way } from "../ways.ts";
import { createActions } from "./actions.ts";
import { startHaproxy, startNginx } from "./balancers.ts";
import { cpuSecondsOf } from "./cpu.ts";
import { cuts, type DisturbanceKind, Disturbances } from "./disturbances.ts";
import { layCables, oneHost } from "./network.ts";
import { LoadedNode } from "./node.ts";
import { freePorts } from "./ports.ts";
import { LoadedRegistry } from "./registry.ts";
import { watchStalls } from "./stalls.ts";

export type Programs = { readonly redis: string; readonly nginx: string; readonly haproxy: string };

export type RunOptions = {
  /** What starts msb-mcp. */
  readonly argv: readonly string[];
  /** Another version: every second node begins with it, and each changes its version when it starts again. */
  readonly otherArgv?: readonly string[];
  readonly programs: Programs;
  readonly nodes: number;
  /** False: one server by itself, to hold the harness against what is known to be right. */
  readonly isCluster: boolean;
  readonly clients: number;
  readonly callsEach: number;
  readonly sessions: number;
  /** Those that cut nodes off require root, and this process a network of its own (`ownNetworkArgv`). */
  readonly disturbances: readonly DisturbanceKind[];
  readonly everyMs: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
  /** Ends the load before its time; what there was is told all the same. */
  readonly end?: AbortSignal;
};

export type Report = {
  readonly tally: Tally;
  readonly seconds: number;
  readonly disturbances: readonly string[];
  readonly registry: { readonly bytes: number; readonly commands: number };
  /** By node: sessions that it has at the end. */
  readonly sessionsOf: readonly number[];
  /** CPU seconds, of what has not been killed. `sandboxes`: and whatever else the nodes have started. */
  readonly cpu: Readonly<Record<"clients" | "nodes" | "sandboxes" | "balancers" | "registry", number>>;
  /** The last of what each node wrote to its log. */
  readonly logs: readonly string[];
};

/** Of so many sessions one runs Node.js, whose interpreter takes four times the memory. */
const nodeEvery = 8;
/** Above the sessions that there are: those that were forgotten, and those of a node that is away. */
const roomFactor = 2;

export async function runCluster(options: RunOptions): Promise<Report> {
  const { argv, otherArgv = argv, programs, isCluster, clients, callsEach, sessions, seed } = options;
  const nodeCount = isCluster ? options.nodes : 1;
  const network = await (options.disturbances.some((kind) => cuts.has(kind)) ? layCables : oneHost)(nodeCount);
  const [registryPort = 0, nginxPort = 0, haproxyPort = 0, ...nodePorts] = await freePorts(3 + nodeCount);
  await using opened = new AsyncDisposableStack();
  const registry = opened.use(await LoadedRegistry.start(programs.redis, network.registry, registryPort));
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-cluster-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const secret = crypto.randomUUID() + crypto.randomUUID();
  const nodes = await Promise.all(
    network.nodes.map(async (spot, index) =>
      opened.use(
        await LoadedNode.start({
          name: `node ${index + 1}`,
          argv: index % 2 === 0 ? argv : otherArgv,
          otherArgv: index % 2 === 0 ? otherArgv : argv,
          stateDir: join(folder, `node-${index + 1}`),
          spot,
          port: nodePorts[index] ?? 0,
          maxSessions: Math.ceil((sessions * roomFactor) / nodeCount),
          cluster: isCluster ? { registry: registry.address, name: "under-load", secret } : undefined,
        }),
      ),
    ),
  );
  const addresses = nodes.map(({ url }) => new URL(url).host);
  const balancers = [
    opened.use(await startNginx({ program: programs.nginx, port: nginxPort, nodes: addresses })),
    opened.use(await startHaproxy({ program: programs.haproxy, port: haproxyPort, nodes: addresses })),
  ];

  const tally = new Tally();
  const slots = Array.from(
    { length: sessions },
    (_, index) => new Slot(index, index % nodeEvery === 0 ? "node" : "python"),
  );
  const disturbances = new Disturbances({ nodes, registry, network }, options.disturbances, options.everyMs);
  const all = await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const url = balancers[index % balancers.length]?.url ?? "";
      const way = opened.use(await openWay(index, `${url}/mcp`));
      const more = createActions({ way, url, tally });
      return new Client({ way, slots, tally, seed: seed + index, hotSlots: 0, excuse: disturbances.excuse, more });
    }),
  );

  opened.use(
    watchStalls((stall) => {
      disturbances.stalled(stall);
      options.onProgress?.(`stood still for ${((stall.untilMs - stall.fromMs) / 1000).toFixed(1)} s`);
    }),
  );
  const startedMs = performance.now();
  const ended = new AbortController();
  const disturbing = disturbances.run(ended.signal);
  let shown = 0;
  const progress = setInterval(() => {
    for (; shown < tally.wrong.length; shown++) options.onProgress?.(`WRONG: ${tally.wrong[shown]}`);
    options.onProgress?.(`${tally.calls} calls, ${tally.wrong.length} wrong`);
  }, 15_000);
  await Promise.all(all.map((client) => client.run(callsEach, options.end)));
  clearInterval(progress);
  const seconds = (performance.now() - startedMs) / 1000;
  ended.abort();
  await disturbing;
  // One after the other by each client: what is left of the cluster is asked in quiet.
  await Promise.all(
    all.map(async (client, index) => {
      for (let at = index; at < slots.length; at += all.length) {
        const slot = slots[at];
        if (slot !== undefined) await client.settle(slot);
      }
    }),
  );
  const nodeCpu = await cpuSecondsOf(nodes.map(({ pid }) => pid));
  const [registryCpu, ...balancerCpu] = await cpuSecondsOf([registry.pid, ...balancers.map(({ pid }) => pid)]);
  const { user, system } = process.cpuUsage();
  const metrics = await Promise.all(nodes.map((node) => node.metrics()));
  return {
    tally,
    seconds,
    disturbances: disturbances.told,
    registry: await registry.figures(),
    sessionsOf: metrics.map((text) => sumOf(text, "msb_mcp_sessions")),
    cpu: {
      clients: (user + system) / 1e6,
      nodes: sum(nodeCpu.map(({ own }) => own)),
      sandboxes: sum(nodeCpu.map(({ below }) => below)),
      balancers: sum(balancerCpu.map(({ own, below }) => own + below)),
      registry: registryCpu?.own ?? 0,
    },
    logs: nodes.map(({ log }) => log),
  };
}

function openWay(index: number, url: string): Promise<Way> {
  // By twos, so that each way is spoken through each balancer.
  const open = [bareWay, sessionWay, statelessWay][Math.floor(index / 2) % 3] ?? bareWay;
  return Promise.resolve(open(url));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
