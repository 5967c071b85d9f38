// What the guest's shell says of a program's end, read as it comes.

import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MarkedTail, readExitLine, readVerdict } from "../../../src/sandbox/microvm/guest/exit.ts";
import { guestPrograms } from "../../../src/sandbox/microvm/guest/programs.ts";

const mark = "the-mark";
const over = "[over]";

/** Runs a command line as the guest does, on this machine. */
async function runCommand(source: string) {
  const top = await mkdtemp(join(tmpdir(), "guest-"));
  const folder = join(top, "one");
  const { command, hold } = guestPrograms;
  const argv = [...command, folder, join(top, "group"), mark, "empty", "1001", source, over, hold[2] ?? "", "-"];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  process.kill(Number(await readFile(join(folder, "holder"), "utf8")), "SIGKILL");
  await rm(top, { recursive: true });
  const [before = "", words = "", late = ""] = stderr.split(mark);
  return { stdout, stderr: before, verdict: readVerdict(words), late };
}

test("a command's output ends with the mark on both streams, and its status stands between two of them", async () => {
  expect(await runCommand("echo out; echo err >&2; exit 3")).toEqual({
    stdout: `out\n${mark}${over}`,
    stderr: "err\n",
    verdict: { code: 3 },
    late: over,
  });
});

test("a command that a signal ends is told from one with the status that a shell makes of it", async () => {
  expect((await runCommand("kill -KILL $$")).verdict).toEqual({ signal: 9 });
  expect((await runCommand("kill -SEGV $$")).verdict).toEqual({ signal: 11 });
  expect((await runCommand("exit 137")).verdict).toEqual({ code: 137 });
});

test("nothing that the shell says of a signal gets into the command's output", async () => {
  expect(await runCommand("kill -KILL $$")).toMatchObject({ stdout: mark + over, stderr: "" });
});

test("a command has an empty stdin, and no descriptors of ours", async () => {
  const { stdout } = await runCommand("cat; ls /proc/self/fd | tr '\\n' ' '");
  expect(stdout).toBe(`0 1 2 3 ${mark}${over}`);
});

test("what something in the background writes after a command's end comes behind its marks", async () => {
  const ran = await runCommand("echo early; (sleep 0.3; echo late; echo error >&2) &");
  expect(ran).toEqual({
    stdout: `early\n${mark}late\n${over}`,
    stderr: "",
    verdict: { code: 0 },
    late: `error\n${over}`,
  });
});

test("a shell's last words are a status, and a signal's where it says something before", () => {
  expect(readVerdict(" 13")).toEqual({ code: 13 });
  expect(readVerdict("Killed\n 137")).toEqual({ signal: 9 });
  // Nobody has been there to say it.
  expect(readVerdict("")).toEqual({ signal: 9 });
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
