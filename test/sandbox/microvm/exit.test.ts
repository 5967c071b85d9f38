// What the guest's shell says of a program's end, read as it comes.

import { expect, test } from "bun:test";
import { MarkedTail, readExitLine, readVerdict } from "../../../src/sandbox/microvm/guest/exit.ts";
import { guestPrograms } from "../../../src/sandbox/microvm/guest/programs.ts";

const mark = "the-mark";

/** Runs a command line as the guest does, on this machine. */
async function runCommand(source: string) {
  const child = Bun.spawn([...guestPrograms.command, source, mark], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const [before = "", tail = ""] = stderr.split(mark);
  return { stdout, stderr: before, verdict: readVerdict(tail) };
}

test("a command's output ends with the mark on both streams, and its status stands behind it", async () => {
  expect(await runCommand("echo out; echo err >&2; exit 3")).toEqual({
    stdout: `out\n${mark}`,
    stderr: "err\n",
    verdict: { code: 3 },
  });
});

test("a command that a signal ends is told from one with the status that a shell makes of it", async () => {
  expect((await runCommand("kill -KILL $$")).verdict).toEqual({ signal: 9 });
  expect((await runCommand("kill -SEGV $$")).verdict).toEqual({ signal: 11 });
  expect((await runCommand("exit 137")).verdict).toEqual({ code: 137 });
});

test("nothing that the shell says of a signal gets into the command's output", async () => {
  expect(await runCommand("kill -KILL $$")).toMatchObject({ stdout: mark, stderr: "" });
});

test("a command has an empty stdin, and no descriptors of ours", async () => {
  const { stdout } = await runCommand("cat; ls /proc/self/fd | tr '\\n' ' '");
  expect(stdout).toBe(`0 1 2 3 ${mark}`);
});

test("a verdict that has not come whole is none", () => {
  expect(readVerdict("")).toBeNull();
  expect(readVerdict(" 1")).toBeNull();
  expect(readVerdict(" 13\n")).toEqual({ code: 13 });
  expect(readVerdict("Killed\n 137\n")).toEqual({ signal: 9 });
});

test("the last line of an interpreter's control descriptor is its exit", () => {
  expect(readExitLine("5")).toBeNull();
  expect(readExitLine("5}\n")).toEqual({ code: 5 });
  expect(readExitLine("137}\n")).toEqual({ signal: 9 });
  // No signal has such a number: it is a status of the program's own.
  expect(readExitLine("200}\n")).toEqual({ code: 200 });
});

test("a mark is found wherever the stream is cut, and what is behind it comes as it grows", () => {
  const text = `output${mark} 7\n`;
  for (let cut = 1; cut < text.length; cut++) {
    let delivered = "";
    const tails: string[] = [];
    const stream = new MarkedTail(
      mark,
      (bytes) => {
        delivered += Buffer.from(bytes).toString();
      },
      (tail) => void tails.push(tail),
    );
    for (const part of [text.slice(0, cut), text.slice(cut)]) stream.push(Buffer.from(part));
    expect({ cut, delivered, tail: tails.at(-1) }).toEqual({ cut, delivered: "output", tail: " 7\n" });
  }
});
