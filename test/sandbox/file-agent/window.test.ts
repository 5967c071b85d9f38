// What is sent of requests to a program that must not fall behind.

import { expect, test } from "bun:test";
import { Window } from "../../../src/sandbox/file-agent/window.ts";

test("what would be too much waits for answers, in order, and what is too large alone goes alone", () => {
  const sent: number[] = [];
  const window = new Window(100);
  for (const [id, bytes] of [
    [1, 60],
    [2, 40],
    [3, 500],
    [4, 1],
  ] as const) {
    window.send(id, bytes, () => void sent.push(id));
  }
  expect(sent).toEqual([1, 2]);
  window.answered(2);
  expect(sent).toEqual([1, 2]);
  window.answered(1);
  expect(sent).toEqual([1, 2, 3]);
  window.answered(3);
  expect(sent).toEqual([1, 2, 3, 4]);
});

test("after a program's end nothing is sent to it", () => {
  const sent: number[] = [];
  const window = new Window(1);
  for (const id of [1, 2]) window.send(id, 1, () => void sent.push(id));
  window.clear();
  window.answered(1);
  expect(sent).toEqual([1]);
});
