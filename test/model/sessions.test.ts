// The model test over the fake host: thousands of steps, of which every one is followed by a look at everything.
// MODEL_SEED=n repeats one walk, MODEL_STEPS=n makes it longer.

import { expect, test } from "bun:test";
import { FakeGround } from "./fake-ground.ts";
import { Random } from "./random.ts";
import { Walk } from "./walk.ts";

const asked = process.env.MODEL_SEED;
const seeds = asked === undefined ? [1, 2, 3, Date.now() % 1_000_000_000] : [Number(asked)];
const steps = Number(process.env.MODEL_STEPS ?? 1000);

/** Of all walks together. */
const counts = new Map<string, number>();

const grounds = [
  { survives: true, admissionWaitMs: 0, evicts: true, tellsCpu: true },
  { survives: true, admissionWaitMs: 30_000, evicts: true, tellsCpu: false },
  { survives: false, admissionWaitMs: 5000, evicts: false, tellsCpu: true },
];

test.each(seeds.flatMap((seed) => grounds.map((ground) => [seed, ground] as const)))(
  "whatever happens, sessions stay true: seed %d, %o",
  async (seed, options) => {
    console.log(`model test: MODEL_SEED=${seed} ${JSON.stringify(options)}`);
    await using ground = new FakeGround(options);
    const walk = new Walk(ground, new Random(seed));
    await walk.take(steps);
    for (const [what, times] of walk.counts) counts.set(what, (counts.get(what) ?? 0) + times);
    for (const what of ["open", "use", "kill", "vanish", "stop", "left running", "input", "signal"])
      expect(walk.counts.get(what)).toBeGreaterThan(0);
  },
  120_000,
);

test.skipIf(asked !== undefined)("the walks between them have come by all that can become of an execution", () => {
  for (const what of ["ended in time", "refused", "expired still", "found again", "stopped with the server"]) {
    expect([what, (counts.get(what) ?? 0) > 0]).toEqual([what, true]);
  }
});
