// What is made of a guest program that does not keep to what was agreed.

import { expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import { stampStepMs } from "../../../src/sandbox/runner/changes.ts";
import { Conversation } from "../../../src/sandbox/runner/conversation.ts";
import { inJson } from "../../../src/sandbox/runner/messages.ts";
import { FakeClock } from "../../fakes/fake-clock.ts";
import { begun, goodAnswer as good, Puppet } from "./puppet.ts";

const answered = { ...good, changes: { files: [], isComplete: true } };

test("a run is over when its answer and both marks have come, in any order", async () => {
  const { puppet, printed, answer } = await begun();
  puppet.say("control", `${JSON.stringify(good)}\n`);
  puppet.say("stderr", puppet.request.mark);
  puppet.say("stdout", `out${puppet.request.mark}\n`);
  expect(await answer).toEqual(answered);
  expect(printed()).toBe("out");
});

test("a run is over when the answer behind stdout's mark and stderr's mark have come", async () => {
  const { puppet, printed, answer } = await begun();
  puppet.say("stdout", `out${puppet.request.mark}${JSON.stringify(good)}\nof nobody\n`);
  puppet.say("stderr", `err${puppet.request.mark}`);
  expect(await answer).toEqual(answered);
  expect(printed()).toBe("outerr");
});

test("a program that answers twice is killed", async () => {
  const { puppet, conversation } = await begun();
  puppet.say("control", `${JSON.stringify(good)}\n`);
  puppet.say("stdout", `${puppet.request.mark}${JSON.stringify(good)}\n`);
  expect(await conversation.ended).toEqual({ code: null, signal: "SIGKILL" });
});

test("an interpreter that speaks another protocol is of no use, and is not waited for", async () => {
  for (const resumed of [false, true]) {
    const puppet = new Puppet();
    const conversation = new Conversation(puppet, systemClock, { encode: inJson, resumed });
    puppet.say("control", '{"ready":true,"pid":7}\n');
    await expect(conversation.ready()).rejects.toThrow("ended before it was ready");
    expect(puppet.killed).toBe(true);
  }
});

test("output that looks like the beginning of a mark is not lost when the process ends", async () => {
  const { puppet, conversation, printed } = await begun();
  puppet.say("stdout", `out${puppet.request.mark.slice(0, 9)}`);
  puppet.exit({ code: 1, signal: null });
  expect(await conversation.ended).toEqual({ code: 1, signal: null });
  expect(printed()).toBe(`out${puppet.request.mark.slice(0, 9)}`);
});

for (const [what, line] of Object.entries({
  "is no JSON": "hello\n",
  "is not an object": "5\n",
  "has another run's id": `${JSON.stringify({ ...good, id: "other" })}\n`,
  "has fields of other types": `${JSON.stringify({ ...good, exitCode: "0" })}\n`,
  "has no end": "x".repeat(3 * 1024 * 1024),
})) {
  test(`a program whose answer behind the mark ${what} is killed`, async () => {
    const { puppet, conversation } = await begun();
    puppet.say("stdout", `${puppet.request.mark}${line}`);
    expect(await conversation.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect([puppet.killed, conversation.isOver]).toEqual([true, true]);
  });

  test(`a program whose answer ${what} is killed`, async () => {
    const { puppet, conversation } = await begun();
    puppet.say("control", line);
    expect(await conversation.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect([puppet.killed, conversation.isOver]).toEqual([true, true]);
  });
}

test("a result is passed on up to its cap", async () => {
  const { puppet, answer } = await begun();
  puppet.say("control", `${JSON.stringify({ ...good, result: "r".repeat(100_000) })}\n`);
  for (const stream of ["stdout", "stderr"] as const) puppet.say(stream, `${puppet.request.mark}\n`);
  expect(await answer).toEqual({ ...answered, result: "r".repeat(65_536) });
});

test("input goes to the guest a piece at a time, each when the one before has been taken, and its end behind it", async () => {
  const { puppet, conversation } = await begun();
  // A character of two code units lies across the end of the first piece.
  const text = `${"x".repeat(65_535)}😀${"y".repeat(10)}`;
  const written = conversation.write("the-run", text);
  conversation.closeInput("the-run");
  let pieces = "";
  for (const number of [1, 2]) {
    while (puppet.heard.length < number) await Promise.resolve();
    expect(puppet.heard).toHaveLength(number);
    expect(puppet.heard.at(-1)).toMatchObject({ input: "the-run", number });
    pieces += JSON.parse(JSON.stringify(puppet.heard.at(-1))).text;
    puppet.say("control", `{"id":"the-run","taken":${number}}\n`);
    while (puppet.heard.length === number) await new Promise((resolve) => setImmediate(resolve));
  }
  await written;
  expect(pieces === text).toBe(true);
  expect(puppet.heard.slice(2)).toEqual([{ close_input: "the-run" }]);
});

test("what the guest has not taken of an input by the end of the run is nobody's, and no write waits for it", async () => {
  const { puppet, conversation, answer } = await begun();
  const writes = ["one", "two"].map((text) => conversation.write("the-run", text));
  while (puppet.heard.length === 0) await Promise.resolve();
  puppet.say("control", `${JSON.stringify(good)}\n`);
  for (const stream of ["stdout", "stderr"] as const) puppet.say(stream, `${puppet.request.mark}\n`);
  expect(await answer).toEqual(answered);
  await Promise.all(writes);
  await conversation.write("the-run", "three");
  puppet.say("control", '{"id":"the-run","taken":1}\n');
  conversation.closeInput("the-run");
  expect(puppet.heard).toEqual([{ input: "the-run", number: 1, text: "one" }]);
  expect(conversation.isOver).toBe(false);
});

for (const [what, changes] of Object.entries({
  "is null": null,
  "is a text": "all",
  "has no files": { complete: true },
  "has more files than a hundred": { files: Array.from({ length: 101 }, (_, i) => [`${i}`, 1]), complete: true },
  "has a size that is none": { files: [["a", -1]], complete: true },
  "has a path with a zero in it": { files: [["a\0b", 1]], complete: true },
  "has a path that is too long": { files: [["a".repeat(5000), 1]], complete: true },
})) {
  test(`what is told of changed files is not passed on where it ${what}, and the run ends as ever`, async () => {
    const { puppet, answer } = await begun();
    puppet.say("control", `${JSON.stringify({ ...good, changes })}\n`);
    for (const stream of ["stdout", "stderr"] as const) puppet.say(stream, `${puppet.request.mark}\n`);
    expect(await answer).toEqual({ ...good, changes: undefined });
  });
}

test("a question for what has changed is answered, or given up, and an answer that comes too late is nobody's", async () => {
  const clock = new FakeClock();
  const { puppet, conversation } = await begun(clock);
  const asked = () => Object(puppet.heard.at(-1)).look;
  const some = { sinceMs: 1, begunMs: 1 };
  const first = conversation.look({ sinceMs: 1490, begunMs: 1500 });
  expect(puppet.heard.at(-1)).toEqual({ look: asked(), since_ms: 1490, begun_ms: 1500 });
  puppet.say("control", `${JSON.stringify({ look: asked(), changes: { files: [["a", 1]], complete: false } })}\n`);
  expect(await first).toEqual({ files: [{ path: "a", sizeBytes: 1 }], isComplete: false });
  const second = conversation.look(some);
  await clock.advance(3000);
  expect(await second).toBeUndefined();
  puppet.say("control", `${JSON.stringify({ look: asked() })}\n`);
  const third = conversation.look(some);
  puppet.say("control", `${JSON.stringify({ look: asked() })}\n`);
  expect(await third).toEqual({ files: [], isComplete: true });
  const last = conversation.look(some);
  puppet.exit({ code: 1, signal: null });
  expect(await last).toBeUndefined();
  expect(puppet.killed).toBe(false);
});

test("when something begins is told by the guest's clock, and lies between the question and its answer however long these take", async () => {
  const clock = new FakeClock();
  const { puppet, conversation } = await begun(clock);
  const first = conversation.beginning();
  const asked = Object(puppet.heard.at(-1)).moment;
  await clock.advance(300);
  puppet.say("control", `${JSON.stringify({ moment: asked, ms: 50_000 })}\n`);
  // Its clock tells whole milliseconds, and may be one behind.
  expect(await first).toEqual({ sinceMs: 50_000 - 300 - stampStepMs, begunMs: 50_000 + 1 });
  const second = conversation.beginning();
  puppet.say("control", `${JSON.stringify({ moment: Object(puppet.heard.at(-1)).moment, ms: "now" })}\n`);
  expect(await second).toBeUndefined();
});
