// What a run shows, as its guest program tells it: in its place, checked, and bounded whatever the guest says.

import { expect, test } from "bun:test";
import { begun, goodAnswer } from "./puppet.ts";

/** A PNG's signature and header, of so many pixels; no decoder would take it. */
function png(width: number, height: number): string {
  const header = Buffer.alloc(33);
  header.write("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1");
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  return header.toString("base64");
}

const small = { "image/png": png(4, 3) };

function line(number: unknown, data: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return `${JSON.stringify({ id: "the-run", display: { number, data, ...more } })}\n`;
}

/** Ends the run, and resolves when that has been heard. */
async function end({ puppet, answer }: Awaited<ReturnType<typeof begun>>): Promise<void> {
  puppet.say("control", `${JSON.stringify(goodAnswer)}\n`);
  for (const stream of ["stdout", "stderr"] as const) puppet.say(stream, `${puppet.request.mark}\n`);
  expect(await answer).toMatchObject(goodAnswer);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a display belongs where its mark is, whichever of the two is heard first", async () => {
  for (const isControlFirst of [true, false]) {
    const run = await begun();
    const { puppet, shown } = run;
    const says = [
      () =>
        puppet.say(
          "control",
          line(1, small) + line(2, { "text/plain": "two" }, { path: "/root/two.txt", note: "why" }),
        ),
      () => puppet.say("stdout", `é\n${puppet.request.mark}d1\nmore\n${puppet.request.mark}d2\nend\n`),
    ];
    for (const say of isControlFirst ? says : says.toReversed()) {
      say();
      await turn();
    }
    await end(run);
    expect(run.printed()).toBe("é\nmore\nend\n");
    expect([...shown]).toEqual([
      { data: small, at: 3 },
      { data: { "text/plain": "two" }, path: "/root/two.txt", note: "why", at: 8 },
    ]);
    expect([...run.notices]).toEqual([]);
  }
});

test("a display whose mark never comes is told at the end of the run, and a place whose display never comes is nothing", async () => {
  const run = await begun();
  run.puppet.say("control", line(1, small));
  run.puppet.say("stdout", `out${run.puppet.request.mark}d7\nput`);
  await end(run);
  expect(run.printed()).toBe("output");
  expect([...run.shown]).toEqual([{ data: small, at: 6 }]);
});

test("a display of an interpreter that dies is told", async () => {
  const { puppet, shown, answer } = await begun();
  puppet.say("control", line(1, small));
  puppet.exit({ code: 1, signal: null });
  expect(await answer).toEqual({ code: 1, signal: null });
  expect([...shown]).toEqual([{ data: small, at: 0 }]);
});

test("what is shown under another run's id goes nowhere, and ends nothing", async () => {
  const run = await begun();
  run.puppet.say("control", line(1, small).replace("the-run", "run-of-before"));
  await end(run);
  run.puppet.say("control", line(2, small));
  await turn();
  expect([[...run.shown], [...run.notices], run.conversation.isOver]).toEqual([[], [], false]);
});

for (const [what, [display, why]] of Object.entries({
  "is no object": [line(1, 5), "it had no form that can be shown"],
  "has no form": [line(1, {}), "it had no form that can be shown"],
  "has a form of an unknown type": [
    line(1, { "application/x-msdownload": "TVo=" }),
    "it had no form that can be shown",
  ],
  "has a form that is no text": [line(1, { "text/plain": 5 }), "it had no form that can be shown"],
  "has a number that is none": [line("1", small), "it had no number of its own"],
  "has the number 0": [line(0, small), "it had no number of its own"],
  "is larger than a megabyte": [line(1, { "text/plain": "x".repeat(1_100_000) }), "it was larger than 1 MiB"],
  "has a picture that is not base64": [
    line(1, { "image/png": `${png(4, 3).slice(0, -1)}!` }),
    "its picture was not base64",
  ],
  "has base64 of a broken length": [line(1, { "image/png": png(4, 3).slice(0, -1) }), "its picture was not base64"],
  "has a picture of another format": [line(1, { "image/jpeg": png(4, 3) }), "its picture was not image/jpeg"],
  "has a script for a picture": [
    line(1, { "image/png": btoa("<script>alert(1)</script>...") }),
    "its picture was not image/png",
  ],
  "has a picture without sides": [line(1, { "image/png": png(0, 3) }), "its picture tells no size"],
  "has a picture that would be a bomb": [
    line(1, { "image/png": png(2_000_000_000, 2_000_000_000) }),
    "its picture of 2000000000 × 2000000000 pixels is larger than 1568 a side",
  ],
} satisfies Record<string, [string, string]>)) {
  test(`a display that ${what} is dropped with a notice`, async () => {
    const run = await begun();
    run.puppet.say("control", display);
    run.puppet.say("stdout", `${run.puppet.request.mark}d1\n`);
    await end(run);
    expect([...run.shown]).toEqual([]);
    expect([...run.notices]).toEqual([`One display was dropped: ${why}.`]);
  });
}

test("a picture that cannot be shown takes only itself away from its display", async () => {
  const run = await begun();
  run.puppet.say("control", line(1, { "image/png": png(1569, 10), "text/plain": "a plot" }, { note: "made smaller" }));
  await end(run);
  const note = "made smaller; its picture of 1569 × 10 pixels is larger than 1568 a side";
  expect([...run.shown]).toEqual([{ data: { "text/plain": "a plot" }, note, at: 0 }]);
});

test("of a thousand displays a hundred are shown, and no more is held of those whose places do not come than two megabytes", async () => {
  const run = await begun();
  const text = "x".repeat(500_000);
  for (let number = 1; number <= 1000; number++) run.puppet.say("control", line(number, { "text/plain": text }));
  // The end of what was said has been heard when input is told to be taken.
  const written = run.conversation.write("the-run", "x");
  run.puppet.say("control", '{"id":"the-run","taken":1}\n');
  await written;
  expect(run.shown).toHaveLength(96);
  await end(run);
  expect(run.shown).toHaveLength(100);
  expect([...run.notices]).toEqual(["900 displays were dropped: a run can show 100."]);
});

test("a number that comes twice is shown once", async () => {
  const run = await begun();
  run.puppet.say("control", line(1, small) + line(1, { "text/plain": "again" }));
  run.puppet.say("stdout", `${run.puppet.request.mark}d1\n${run.puppet.request.mark}d1\n`);
  await end(run);
  expect([...run.shown]).toEqual([{ data: small, at: 0 }]);
  expect([...run.notices]).toEqual(["One display was dropped: it had no number of its own."]);
});
