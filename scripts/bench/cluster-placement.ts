// 1,000 nodes and 1,000,000 sessions over the registry's own scripts on a redis-server of its own: how fast sessions are placed, how evenly,
// and what they take there. Most are there from the start, the last ones are placed.
// `bun scripts/bench/cluster-placement.ts [NODES] [SESSIONS] [PLACED]`

import { type Clock, systemClock } from "../../src/clock.ts";
import type { NodeLoad, Registry, Taken } from "../../src/cluster/port.ts";
import { openRegistry } from "../../src/cluster/registry/open.ts";
import { startRedisServer } from "../../test/cluster/redis-server.ts";

const [nodeCount = 1000, sessionCount = 1_000_000, placedCount = 20_000] = Bun.argv.slice(2).map(Number);
const principals = 1000;
const connections = 4;
const atOnce = 64;
const leaseMs = 600_000;
const maxSessions = Math.ceil((sessionCount / nodeCount) * 1.25);
const roomy: NodeLoad = {
  sessions: 0,
  maxSessions,
  memoryMib: 0,
  maxMemoryMib: maxSessions * 1024,
  waiting: 0,
  ahead: {},
};

type Node = { readonly id: string; epoch: number; sessions: number; readonly principals: Map<string, Taken> };

/** What is measured here is how long a call takes, however long: none is given up. */
const patient: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(30 * ms, signal) };

await using server = await startRedisServer();
await using stack = new AsyncDisposableStack();
const open = async () => stack.use(await openRegistry({ url: server.url, name: "bench", leaseMs, clock: patient }));
const registries = [await open()];
for (let i = 1; i < connections; i++) registries.push(await open());
const [first] = registries;
if (first === undefined) throw new Error("There is no connection.");

/** Of the server's own: on a busy machine it tells more than the time that passes. */
const cpuMicros = async () => {
  const text = await server.command("INFO", "cpu");
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)?.[1]);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1e6;
};
const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await server.command("INFO", "memory"))?.[1]);
const say = (what: string, value: string) => console.log(`${what.padEnd(58)} ${value}`);

const nodes = new Map<string, Node>();
for (let i = 0; i < nodeCount; i++) {
  const id = i.toString(32).padStart(5, "0");
  const facts = {
    id,
    address: `http://10.0.${i >> 8}.${i & 255}:8000`,
    version: "1.0.0",
    hostname: `n${i}`,
    startedAt: 1,
  };
  nodes.set(id, { id, epoch: await first.register(facts, roomy, new Map()), sessions: 0, principals: new Map() });
}
const emptyBytes = await usedBytes();
say("bytes a node, before it has sessions", (emptyBytes / nodeCount).toFixed(0));
/** What the principal has there then. */
const addTo = ({ principals: all }: Node, principal: string): Taken => {
  const sessions = (all.get(principal)?.sessions ?? 0) + 1;
  const taken = { sessions, memoryMib: 1024 * sessions };
  all.set(principal, taken);
  return taken;
};
const loadOf = ({ sessions }: Node): NodeLoad => ({ ...roomy, sessions, memoryMib: sessions * 1024 });
let filled = 0;
for (const node of nodes.values()) {
  // Not the same of each, and of each principal somewhere.
  const share = Math.round(((sessionCount - placedCount) / nodeCount) * (0.9 + 0.2 * Math.random()));
  for (let i = 0; i < share; i++) {
    const principal = `principal-${filled++ % principals}`;
    addTo(node, principal);
  }
  node.sessions = share;
  const facts = { id: node.id, address: `http://10.0.0.1/${node.id}`, version: "1.0.0", hostname: "n", startedAt: 1 };
  await first.leave(node.id, node.epoch);
  node.epoch = await first.register(facts, loadOf(node), node.principals);
}
say("sessions there", String(filled));
say("bytes a session", (((await usedBytes()) - emptyBytes) / filled).toFixed(1));

/** Heartbeats of all nodes go on all the time, as they do in a cluster; the rest has what they leave. */
let isOver = false;
const beats: number[] = [];
async function beatOn(registry: Registry): Promise<void> {
  while (!isOver) {
    const beganMs = performance.now();
    for (const node of nodes.values()) {
      const sentMs = performance.now();
      const { id, epoch } = node;
      const { outcome } = await registry.renew({ id, epoch, load: loadOf(node), isDraining: false });
      beats.push(performance.now() - sentMs);
      if (outcome !== "renewed") throw new Error(`The heartbeat of ${id} came to ${outcome}.`);
      if (isOver) return;
      // As often as leases of 15 s need.
      const dueMs = beganMs + (beats.length % nodeCount) * (5000 / nodeCount);
      if (dueMs > performance.now()) await Bun.sleep(dueMs - performance.now());
    }
  }
}
const beating = beatOn(await open());

const placements: number[] = [];
let opened = 0;
async function openSessions(registry: Registry): Promise<void> {
  while (opened < placedCount) {
    const principal = `principal-${opened++ % principals}`;
    const sentMs = performance.now();
    const placement = await registry.place({
      ...{ principal, template: "python", flavor: "small", memoryMib: 1024 },
      maxPrincipalSessions: sessionCount,
    });
    placements.push(performance.now() - sentMs);
    const node = nodes.get(placement?.node.id ?? "");
    if (node === undefined || placement === undefined) throw new Error("No node was named.");
    node.sessions += 1;
    const its = addTo(node, principal);
    await registry.tellPrincipal(node.id, node.epoch, principal, its, placement.reservation);
  }
}
const beganMs = performance.now();
const cpuBefore = await cpuMicros();
await Promise.all(Array.from({ length: atOnce }, (_, i) => openSessions(registries[i % connections] ?? first)));
const tookS = (performance.now() - beganMs) / 1000;
isOver = true;
const calls = 2 * placedCount + beats.length;
const cpuOfCall = ((await cpuMicros()) - cpuBefore) / calls;
await beating;

const percentile = (values: number[], part: number) =>
  values.sort((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;
say("sessions placed and told of, a second", (placedCount / tookS).toFixed(0));
say("calls to the registry, a second", (calls / tookS).toFixed(0));
say(
  "the server's CPU for a call",
  `${cpuOfCall.toFixed(0)} µs, so at most ${(1e6 / cpuOfCall).toFixed(0)} calls a second`,
);
for (const part of [0.5, 0.99, 0.999]) {
  say(`placement, p${part * 100}, ${atOnce} at once`, `${percentile(placements, part).toFixed(2)} ms`);
}
say("heartbeat beside it, p99", `${percentile(beats, 0.99).toFixed(2)} ms`);
const alone: number[] = [];
for (let i = 0; i < 2000; i++) {
  const sentMs = performance.now();
  const placement = await first.place({
    ...{ principal: `principal-${i % principals}`, template: "python", flavor: "small", memoryMib: 1024 },
    maxPrincipalSessions: sessionCount,
  });
  alone.push(performance.now() - sentMs);
  await first.giveBack(placement?.reservation ?? "");
}
for (const part of [0.5, 0.99])
  say(`placement, p${part * 100}, one at a time`, `${percentile(alone, part).toFixed(2)} ms`);
const loads = [...nodes.values()].map(({ sessions }) => sessions);
const mean = loads.reduce((sum, load) => sum + load, 0) / nodeCount;
say(
  "sessions of a node: fewest, mean, most; told apart at the start by up to 10 %",
  `${Math.min(...loads)}, ${mean.toFixed(1)}, ${Math.max(...loads)} (${((Math.max(...loads) / mean - 1) * 100).toFixed(2)} % above)`,
);
const listedMs = performance.now();
const listed = await first.nodes();
say(`all ${listed.length} nodes listed`, `${(performance.now() - listedMs).toFixed(1)} ms`);
