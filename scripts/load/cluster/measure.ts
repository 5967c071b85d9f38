// What a cluster costs a warm call: on a server by itself, on the owner in a cluster, and through another node. The three are asked by turns, so that
// whatever else the machine does meets all of them alike.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareWay, type Way } from "../ways.ts";
import { oneHost } from "./network.ts";
import { LoadedNode } from "./node.ts";
import { freePorts } from "./ports.ts";
import { LoadedRegistry } from "./registry.ts";

export type Measure = {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly meanMs: number;
  /** Its median as a share of the first one's. */
  readonly ofFirst: number;
};

/** Calls before those that count: the first are slower everywhere. */
const warmUps = 200;

type Lane = { readonly name: string; readonly way: Way; readonly session: string; readonly times: number[] };

export async function measure({ argv, redis, calls }: { argv: readonly string[]; redis: string; calls: number }) {
  await using opened = new AsyncDisposableStack();
  const [registryPort = 0, alonePort = 0, onePort = 0, otherPort = 0] = await freePorts(4);
  const { registry: spot } = oneHost(1);
  const registry = opened.use(await LoadedRegistry.start(redis, spot, registryPort));
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-measure-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const cluster = { registry: registry.address, name: "measured", secret: crypto.randomUUID() + crypto.randomUUID() };
  const start = async (name: string, port: number, of: typeof cluster | undefined) => {
    const options = { name, argv, stateDir: join(folder, name), port, maxSessions: 10, cluster: of, spot };
    return opened.use(await LoadedNode.start(options));
  };
  const alone = await start("alone", alonePort, undefined);
  const one = await start("one", onePort, cluster);
  const other = await start("other", otherPort, cluster);

  const [aloneWay, oneWay, otherWay] = [alone, one, other].map(({ url }) => bareWay(`${url}/mcp`)) as [Way, Way, Way];
  const aloneSession = await openSession(aloneWay);
  const shared = await openSession(oneWay);
  const [ownerWay, strangerWay] = one.owns(shared) ? [oneWay, otherWay] : [otherWay, oneWay];
  const lanes: readonly Lane[] = [
    { name: "without --cluster", way: aloneWay, session: aloneSession, times: [] },
    { name: "on its owner", way: ownerWay, session: shared, times: [] },
    { name: "through another node", way: strangerWay, session: shared, times: [] },
  ];
  for (let round = 0; round < warmUps + calls; round++) {
    // The order changes, so that none always follows the same one.
    for (let turn = 0; turn < lanes.length; turn++) {
      const lane = lanes[(round + turn) % lanes.length];
      if (lane === undefined) continue;
      const startedMs = performance.now();
      const answer = await lane.way.call("execute_code", { code: "1", session_id: lane.session });
      const tookMs = performance.now() - startedMs;
      if (answer.kind === "error") throw new Error(`${lane.name}: ${answer.code}: ${answer.message}`);
      if (round >= warmUps) lane.times.push(tookMs);
    }
  }
  const first = quantile(lanes[0]?.times ?? [], 0.5);
  return lanes.map(({ name, times }): Measure => {
    const p50Ms = quantile(times, 0.5);
    const meanMs = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    return { name, p50Ms, p99Ms: quantile(times, 0.99), meanMs, ofFirst: p50Ms / first };
  });
}

async function openSession(way: Way): Promise<string> {
  const answer = await way.call("execute_code", { code: "1" });
  if (answer.kind === "error") throw new Error(`no session: ${answer.message}`);
  return String(answer.content.session_id);
}

function quantile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}
