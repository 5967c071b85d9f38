// What a cluster costs a call is told by what the calls take, and not by what disturbs the machine meanwhile.

import { expect, test } from "bun:test";
import { measuresOf } from "../../scripts/load/cluster/measure.ts";

test("what is slower for most of the rounds, and in one lane more than in another, is not taken for the lane's own cost", () => {
  const rounds = Array.from({ length: 1000 }, (_, round) => round);
  const first = rounds.map((round) => (round % 2 === 0 ? 1 : 3) + (round % 7) / 1000);
  const second = rounds.map((round) => (round % 5 < 2 ? 1.02 : 9) + (round % 11) / 1000);
  const third = first.map((ms) => 2 * ms);
  const [one, two, three] = measuresOf([
    { name: "first", times: first },
    { name: "second", times: second },
    { name: "third", times: third },
  ]);
  expect(one).toMatchObject({ name: "first", minMs: 1, p25OfFirst: 1, roundsOfFirst: 1 });
  expect(two?.p25OfFirst).toBeCloseTo(1.02, 1);
  expect(two?.minMs).toBe(1.02);
  expect(three).toMatchObject({ p25OfFirst: 2, roundsOfFirst: 2 });
});
