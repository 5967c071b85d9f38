// The harness of a cluster notices that the machine stood still.

import { expect, test } from "bun:test";
import { type Stall, watchStalls } from "../../scripts/load/cluster/stalls.ts";

test("only a look that comes late by more than five seconds tells that the machine stood still, and for how long", () => {
  let nowMs = 1000;
  let look = () => {};
  const stalls: Stall[] = [];
  const every = (act: () => void) => {
    look = act;
    return { [Symbol.dispose]: () => undefined };
  };
  using _ = watchStalls(
    (stall) => stalls.push(stall),
    () => nowMs,
    every,
  );
  for (const passedMs of [250, 4000, 250, 20_000, 250]) {
    nowMs += passedMs;
    look();
  }
  expect(stalls).toEqual([{ fromMs: 5500, untilMs: 25_500 }]);
});
