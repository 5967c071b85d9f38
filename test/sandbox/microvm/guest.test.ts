// The guest's shell programs on this very machine: an interpreter behind its pipes outlives who has started it, and the warden ends a run's
// processes and no others. In real guests: test/live.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { guestPrograms } from "../../../src/sandbox/microvm/guest/programs.ts";
import type { GuestProcess } from "../../../src/sandbox/runner/guest.ts";
import { runnerArgv, runnerPrograms } from "../../../src/sandbox/runner/programs.ts";
import { type InterpreterOptions, resumeInterpreter, startInterpreter } from "../../../src/sandbox/runner/runner.ts";
import type { Language } from "../../../src/sandbox/templates.ts";

const never = new AbortController().signal;
const interpreters: Readonly<Record<Language, string>> = { python: "python3", node: "node" };

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "guest-"));
});
afterEach(async () => {
  // Whatever a test has left of interpreters.
  const name = existsSync(join(top, "current")) ? (await readFile(join(top, "current"), "utf8")).trim() : "";
  for (const file of ["pid", "holder"]) {
    const path = join(top, name, file);
    if (existsSync(path)) await Bun.$`kill -KILL ${(await readFile(path, "utf8")).trim()}`.nothrow().quiet();
  }
  await rm(top, { recursive: true, force: true });
});

/** The two programs that carry an interpreter's streams, as the link has the runtime start them. */
function carry(control: readonly string[], folder: string): GuestProcess & { readonly abandon: () => Promise<void> } {
  const head = Bun.spawn([...control], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const attach = Promise.withResolvers<Bun.Subprocess<"pipe", "pipe", "pipe">>();
  const open = Promise.withResolvers<void>();
  const streams = { stdout: new TransformStream(), stderr: new TransformStream(), control: new TransformStream() };
  const readHead = async () => {
    const writer = streams.control.writable.getWriter();
    let isFirst = true;
    for await (const bytes of head.stdout) {
      if (isFirst) attach.resolve(Bun.spawn([...guestPrograms.attach, folder], { stdio: ["pipe", "pipe", "pipe"] }));
      await writer.write(isFirst ? bytes.subarray(1) : bytes);
      isFirst = false;
    }
    attach.reject(new Error("no pipes"));
  };
  readHead().catch(attach.reject);
  attach.promise.then(
    (body) => {
      void body.stdout.pipeTo(streams.stdout.writable).catch(() => {});
      void body.stderr.pipeTo(streams.stderr.writable).catch(() => {});
      open.resolve();
    },
    () => {},
  );
  return {
    stdout: streams.stdout.readable,
    stderr: streams.stderr.readable,
    control: streams.control.readable,
    write: (text) =>
      void attach.promise.then((body) => {
        body.stdin.write(text);
        body.stdin.flush();
      }),
    exited: head.exited.then((code) => ({ code, signal: null })),
    kill: () => head.kill("SIGKILL"),
    // As the runtime does for a client that has gone.
    abandon: async () => {
      const body = await attach.promise;
      head.kill("SIGKILL");
      await Bun.$`pkill -KILL -P ${body.pid}`.nothrow().quiet();
      body.kill("SIGKILL");
      await Promise.all([head.exited, body.exited]);
    },
  };
}

for (const language of ["python", "node"] as const) {
  test(`a ${language} interpreter outlives who has started it, and the next one finds its variables`, async () => {
    const { fileName, source } = runnerPrograms[language];
    const program = join(top, fileName);
    const folder = join(top, "one");
    const interpreter = interpreters[language];
    const argv = runnerArgv(language, interpreter, program);
    const first = carry([...guestPrograms.start, folder, "end-mark", program, source, interpreter, ...argv], folder);
    const options: InterpreterOptions = {
      language,
      interpreter,
      program,
      env: {},
      clock: systemClock,
      spawn: () => first,
    };
    const before = await startInterpreter(options, never);
    const set = await before.run({
      source: language === "python" ? "x = 42" : "var x = 42",
      signal: never,
      onOutput: () => {},
    });
    expect(set.success).toBe(true);
    // It runs something, and has said something, when its owner goes.
    const talked = Promise.withResolvers<void>();
    const forever = language === "python" ? "print('old')\nwhile True: pass" : "console.log('old'); while (true);";
    void before.run({ source: forever, signal: never, onOutput: () => talked.resolve() }).catch(() => {});
    await talked.promise;
    await first.abandon();

    const second = carry([...guestPrograms.control, top], join(top, "current"));
    const after = await resumeInterpreter(options, () => second, never);
    let printed = "";
    const ran = await after.run({
      source: "x",
      signal: never,
      onOutput: (_, bytes) => {
        printed += Buffer.from(bytes).toString();
      },
    });
    expect({ ...ran, printed }).toMatchObject({ result: "42", printed: "42\n", interpreterRestarted: false });
    await second.abandon();
  });
}

test("an interpreter that is not in the image is told by the shell's own status", async () => {
  const argv = [...guestPrograms.start, join(top, "one"), "mark", join(top, "x.py"), "", "no-such-interpreter", "x"];
  expect(await Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] }).exited).toBe(127);
});

/** A pid namespace of its own, as in a guest: the shell is 1 there, and so always kept. */
const unshare = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"];
const canUnshare = (await Bun.$`${unshare} true`.nothrow().quiet()).exitCode === 0;

/** Both ways to tell the warden what is a run's. */
const requests = { "since its first process was": "0 $later", "in so many hundredths of a second": "60 0" };

for (const [what, request] of Object.entries(requests)) {
  test.skipIf(!canUnshare)(
    `the warden ends what was started ${what}, with its children, and nothing from before`,
    async () => {
      const inside = `
      sh -c 'while :; do sleep 0.1; done' earlier &
      earlier=$!
      sleep 1.2
      sh -c 'sh -c "while :; do sleep 0.1; done" child & wait' later &
      later=$!
      sleep 0.3
      printf 'terminate 1 ${request}\\nsweep 2 ${request}\\n' | sed "s/.later/$later/" | "$@"
      kill -0 $earlier && echo earlier goes on
      kill -0 $later 2>/dev/null || echo later is gone
      kill $earlier`;
      const child = Bun.spawn([...unshare, "/bin/sh", "-c", inside, "sh", ...guestPrograms.warden, top], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [stdout] = await Promise.all([child.stdout.text(), child.exited]);
      expect(stdout).toBe("ready\n1 done\n2 done\nearlier goes on\nlater is gone\n");
    },
  );
}
