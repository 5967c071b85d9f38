// What the link makes of the relay's answers, with a relay that answers as a test has it.

import { expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import type { ProgramEnd } from "../../../src/sandbox/linked/link.ts";
import type { Page } from "../../../src/sandbox/server/answers.ts";
import { RelayLink } from "../../../src/sandbox/server/link.ts";

/** A link whose requests are answered one after the other by `answer`; `next` resolves when the next one waits for that. */
function heldLink() {
  const waiting: ((page: Page) => void)[] = [];
  let arrived = Promise.withResolvers<void>();
  const link = new RelayLink({
    exchange: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        arrived.resolve();
      }),
    beside: async () => {},
    onBroken: () => {},
    clock: systemClock,
  });
  const next = async () => {
    await arrived.promise;
    arrived = Promise.withResolvers();
  };
  return { link, next, answer: (page: Page) => waiting.shift()?.(page), [Symbol.dispose]: () => link.end() };
}

for (const [when, applied, unheard] of [
  ["while that was on its way", 1, true],
  ["before it, and had read that", 2, false],
] as const) {
  test(`an interpreter's end is told ${unheard ? "as unheard" : "as it was"} if something was written ${when}`, async () => {
    using at = heldLink();
    const ended = Promise.withResolvers<ProgramEnd>();
    const ignore = () => {};
    const events = { onOutput: ignore, onControl: ignore, onLate: ignore, onEnd: ended.resolve };
    const program = at.link.start(["python3"], { control: true, env: {} }, events);
    await at.next();
    at.answer({ p: 1, a: 1, e: [["c", 1, ""]] });
    using _listening = at.link.listen();
    await at.next();
    void program.write("run");
    at.answer({ p: 2, a: applied, e: [["x", 1, null, 9, false, false, false]] });
    expect(await ended.promise).toEqual({ code: null, signal: "SIGKILL", memoryRanOut: false, unheard });
  });
}
