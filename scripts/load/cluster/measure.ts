// What a cluster costs a warm call: on a server by itself, on the only node of a cluster, on the owner among three nodes, and through another node. All are
// asked by turns, one call each, so that whatever else the machine does meets all of them alike. A second server by itself shows what is noise.

import { bareWay } from "../ways.ts";
import type { LoadedNode } from "./node.ts";
import { openSession, openSmall } from "./small.ts";

export type Measure = {
  readonly name: string;
  readonly minMs: number;
  readonly p25Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** As a share of the first one's: what disturbs the machine makes calls slower, and hardly ever the fastest quarter of them. */
  readonly p25OfFirst: number;
  /** The median of how many times as long as the first one it took in the same round. */
  readonly roundsOfFirst: number;
};

/** Rounds before those that count: the first are slower everywhere. */
const warmUps = 100;
/** After so many rounds all sessions are opened anew: two interpreters are not quite as fast, nor are two sandboxes. */
const roundsASession = 250;

/** One time a round. */
export type Lane = { readonly name: string; readonly times: readonly number[] };
type Asked = { readonly times: number[]; readonly ask: () => Promise<void> };

export async function measure({ argv, redis, calls }: { argv: readonly string[]; redis: string; calls: number }) {
  await using opened = new AsyncDisposableStack();
  const small = { argv, redis, nodes: 3, servers: 2, singles: 1 };
  const { nodes, servers, singles } = await openSmall(opened, small);
  const times = laneNames.map((): number[] => []);
  for (let from = 0; from < calls; from += roundsASession) {
    const asked = await openLanes([...servers, ...singles], nodes, times);
    await inTurns(
      asked.map(({ ask }) => ({ ask, times: [] })),
      warmUps,
    );
    await inTurns(asked, Math.min(roundsASession, calls - from));
    for (const { end } of asked) await end();
  }
  return measuresOf(laneNames.map((name, index) => ({ name, times: times[index] ?? [] })));
}

const laneNames = [
  "without --cluster",
  "the same, once more",
  "one node with --cluster",
  "on its owner",
  "through another node",
] as const;

async function openLanes(servers: readonly LoadedNode[], nodes: readonly LoadedNode[], times: readonly number[][]) {
  const owned = await openOnTwo(nodes);
  const third = nodes.find((node) => !owned.some(({ owner }) => owner === node));
  const [own, others] = owned;
  if (own === undefined || others === undefined || third === undefined) throw new Error("all sessions are on one node");
  // Each server has one call a round, so that none has its memory at hand more than another.
  const lanes = [
    ...servers.map((server) => ({ server, session: undefined })),
    { server: own.owner, session: own.session },
    { server: third, session: others.session },
  ].map(async ({ server, session }) => {
    const way = bareWay(`${server.url}/mcp`);
    return { way, session: session ?? (await openSession(way)) };
  });
  return (await Promise.all(lanes)).map(({ way, session }, index) => ({
    times: times[index] ?? [],
    async ask() {
      const answer = await way.call("execute_code", { code: "1", session_id: session });
      if (answer.kind === "error") throw new Error(`${laneNames[index]}: ${answer.code}: ${answer.message}`);
    },
    end: () => way.call("stop_session", { session_id: session }),
  }));
}

/** In another order each round, by chance: what was asked just before has the processor's caches. */
async function inTurns(lanes: readonly Asked[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const order = lanes.map((lane) => ({ lane, place: Math.random() })).sort((a, b) => a.place - b.place);
    for (const { lane } of order) {
      const startedMs = performance.now();
      await lane.ask();
      lane.times.push(performance.now() - startedMs);
    }
  }
}

/** Each against the first. */
export function measuresOf(lanes: readonly Lane[]): readonly Measure[] {
  const first = lanes[0]?.times ?? [];
  return lanes.map(({ name, times }): Measure => {
    const [minMs = Number.NaN, p25Ms = Number.NaN, p50Ms = Number.NaN, p99Ms = Number.NaN] = [0, 0.25, 0.5, 0.99].map(
      (part) => quantile(times, part),
    );
    const ofRound = times.map((ms, round) => ms / (first[round] ?? Number.NaN));
    const shares = { p25OfFirst: p25Ms / quantile(first, 0.25), roundsOfFirst: quantile(ofRound, 0.5) };
    return { name, minMs, p25Ms, p50Ms, p99Ms, ...shares };
  });
}

/** One session on each of two nodes. */
async function openOnTwo(nodes: readonly LoadedNode[]) {
  const opened: { readonly owner: LoadedNode; readonly session: string }[] = [];
  for (let tries = 0; tries < 20 && opened.length < 2; tries++) {
    const way = bareWay(`${nodes[tries % nodes.length]?.url}/mcp`);
    const session = await openSession(way);
    const owner = nodes.find((node) => node.owns(session));
    if (owner === undefined || opened.some((one) => one.owner === owner)) {
      await way.call("stop_session", { session_id: session });
    } else opened.push({ owner, session });
  }
  return opened;
}

function quantile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}
