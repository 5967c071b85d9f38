// The model test of several nodes: the product's cluster, its scripts in a real redis-server, and time, ways and machines that do as the walk wants.
// MODEL_SEED=n repeats one walk, MODEL_STEPS=n makes it longer.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { hasRedisServer, type RedisServer, startRedisServer } from "../../cluster/redis-server.ts";
import { Random } from "../random.ts";
import { ClusterWalk } from "./cluster-walk.ts";
import { Walked } from "./walked.ts";

const isThere = hasRedisServer("the model test of several nodes");
const asked = process.env.MODEL_SEED;
const seeds = asked === undefined ? [1, 2, 3] : [Number(asked)];
const steps = Number(process.env.MODEL_STEPS ?? 250);

const grounds = [
  { nodes: 3, partition: "serve", survives: true },
  { nodes: 4, partition: "refuse", survives: true },
  { nodes: 3, partition: "serve", survives: false },
] as const;

let server: RedisServer | undefined;
beforeAll(async () => {
  if (isThere) server = await startRedisServer();
});
afterAll(async () => await server?.[Symbol.asyncDispose]());

/** Of all walks together. */
const counts = new Map<string, number>();

test.skipIf(!isThere).each(seeds.flatMap((seed) => grounds.map((ground) => [seed, ground] as const)))(
  "whatever happens to nodes, ways and registry, sessions stay true: seed %d, %o",
  async (seed, options) => {
    console.log(`model test: MODEL_SEED=${seed} ${JSON.stringify(options)}`);
    const random = new Random(seed);
    await using world = await Walked.open({ ...options, registryPort: server?.port ?? 0 }, random);
    try {
      await new ClusterWalk(world, random).take(steps);
    } finally {
      for (const [what, times] of world.book.counts) counts.set(what, (counts.get(what) ?? 0) + times);
    }
  },
  240_000,
);

test.skipIf(!isThere || asked !== undefined)("the walks between them have come by what can become of a session", () => {
  for (const what of ["served", "told lost", "told evicted", "broke off", "use everywhere"]) {
    expect([what, (counts.get(what) ?? 0) > 0]).toEqual([what, true]);
  }
});
afterAll(() => {
  if (asked !== undefined) console.log(Object.fromEntries(counts));
});
