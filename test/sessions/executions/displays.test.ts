// What is kept of what executions have shown.

import { expect, test } from "bun:test";
import { DisplayRoom, ExecutionDisplays } from "../../../src/sessions/executions/displays.ts";

const picture = (length: number) => ({ data: { "image/png": "x".repeat(length) } });
const at = (stdout: number) => ({ stdout, all: stdout });

test("displays are in the order of their places, and those of one place in the order in which they came", () => {
  const displays = new ExecutionDisplays(new DisplayRoom());
  for (const [text, place] of [
    ["late", 7],
    ["first", 3],
    ["second", 3],
  ] as const) {
    displays.add({ data: { "text/plain": text } }, at(place));
  }
  expect(displays.all.map(({ form }) => form?.content)).toEqual(["first", "second", "late"]);
});

test("what executions have shown gives way to others, the oldest first, and that is told", () => {
  const room = new DisplayRoom(10_000);
  const [one, two, three] = [1, 2, 3].map(() => new ExecutionDisplays(room));
  for (const displays of [one, two, three]) displays?.add(picture(4000), at(0));
  expect([one, two, three].map((displays) => displays?.all.length)).toEqual([0, 1, 1]);
  expect(one?.notices).toEqual(["What it has shown was dropped: all executions together may keep no more."]);
  expect(two?.notices).toEqual([]);
  one?.add(picture(10), at(0));
  expect(one?.all).toEqual([]);
});

test("what is forgotten takes no room", () => {
  const room = new DisplayRoom(10_000);
  const [one, two, three] = [1, 2, 3].map(() => new ExecutionDisplays(room));
  one?.add(picture(4000), at(0));
  two?.add(picture(4000), at(0));
  one?.drop();
  three?.add(picture(4000), at(0));
  expect([two?.all.length, three?.all.length]).toEqual([1, 1]);
});
