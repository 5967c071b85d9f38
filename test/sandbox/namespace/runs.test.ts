// Commands in real namespaces: their streams, how their end is told, and what they leave running.

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { bootOne, command, descriptorCount, eventually, namespaceHost, patienceMs } from "./machine.ts";

let host: NamespaceHost;
let sandbox: Sandbox;
beforeAll(async () => {
  host = namespaceHost();
  sandbox = await bootOne(host, "runs");
}, patienceMs);
afterAll(() => host[Symbol.asyncDispose](), patienceMs);

test("the CPU time of its processes tells a sandbox that works from one that waits", async () => {
  await using waiting = await bootOne(host, "cpu-waits");
  const stop = new AbortController();
  const sleeping = command(waiting, "echo on; sleep 1000", stop.signal);
  const before = (await waiting.cpuTimeMs?.()) ?? Number.NaN;
  expect((await waiting.cpuTimeMs?.()) ?? Number.NaN).toBeLessThanOrEqual(before + 50);
  await using working = await bootOne(host, "cpu-works");
  const looping = command(working, "while :; do :; done", stop.signal);
  const first = (await working.cpuTimeMs?.()) ?? Number.NaN;
  while (((await working.cpuTimeMs?.()) ?? 0) < first + 300) await Bun.sleep(20);
  stop.abort();
  await Promise.all([sleeping, looping]);
});

test("/dev/stdout and /dev/stderr can be opened", async () => {
  const ran = await command(sandbox, "echo out > /dev/stdout; echo err > /dev/stderr");
  expect(ran).toMatchObject({ stdout: "out\n", stderr: "err\n" });
});

test("stdin is empty", async () => {
  expect((await command(sandbox, "cat; echo end")).stdout).toBe("end\n");
});

test("commands start in the home", async () => {
  expect((await command(sandbox, 'pwd; echo "$HOME"')).stdout).toBe("/home/user\n/home/user\n");
});

test("what a caller writes reaches the shell as it is, and no shell of the host", async () => {
  const awkward = `printf '%s\\n' "\\$(id)" '"; exit 9' -- '$1' "$0"`;
  const ran = await command(sandbox, awkward);
  expect(ran.stdout).toBe(`$(id)\n"; exit 9\n--\n$1\n/bin/sh\n`);
});

test("a command that is too long for an argument runs as a shorter one does", async () => {
  for (const bytes of [100_000, 122_880, 122_881, 131_072, 4_000_000]) {
    const source = (padding: string) =>
      `: '${padding}'; cat; x='a\\b$$'; test $$ = "$(sh -c 'echo $PPID')" && printf '%s,' "$0" $# "\${x%?}" é; exit 3 \\\n`;
    const ran = await command(sandbox, source("ü".repeat((bytes - Buffer.byteLength(source(""))) / 2)));
    expect(ran).toMatchObject({ stdout: "/bin/sh,0,a\\b$,é,", stderr: "" });
    expect(ran.end).toMatchObject({ ended: "exited", exitCode: 3 });
  }
  const killed = await command(sandbox, `: '${"x".repeat(200_000)}'; kill -SEGV $$`);
  expect(killed.end).toMatchObject({ ended: "signaled" });
});

test("a shell tells its child's signal as an exit status, as shells do", async () => {
  const { end } = await command(sandbox, "sh -c 'kill -9 $$'; exit $?");
  expect(end).toMatchObject({ ended: "exited", exitCode: 137 });
});

test.each([
  ["KILL", 137],
  ["TERM", 143],
  ["SEGV", 139],
  ["ABRT", 134],
  ["USR1", 138],
  ["PROF", 155],
  ["INT", 130],
])("a command that SIG%s ends is told as signaled, with status %d", async (signal, exitCode) => {
  const { end } = await command(sandbox, `kill -${signal} $$; sleep 5`);
  expect(end).toMatchObject({ ended: "signaled", signal: `SIG${signal}`, exitCode, success: false });
});

test("a command that kills its whole process group ends itself and nothing of ours", async () => {
  expect((await command(sandbox, "kill -9 0")).end).toMatchObject({ ended: "signaled" });
  expect((await command(sandbox, "echo on")).stdout).toBe("on\n");
});

test("a command that stops itself can be ended", async () => {
  const caller = new AbortController();
  const stopping = command(sandbox, "(sleep 0.2; echo stopped) & kill -STOP $$", caller.signal);
  setTimeout(() => caller.abort(), 300);
  expect((await stopping).end).toMatchObject({ ended: "interrupted" });
}, 10_000);

test("a background process that holds the output does not delay the command's end, and lives on without dying of it", async () => {
  const source = "rm -f ticks; (while :; do echo tick; echo tick >> ticks; sleep 0.02; done) & echo started";
  const ran = await command(sandbox, source);
  expect(ran.stdout).toContain("started\n");
  const ticks = async () => Number((await command(sandbox, "wc -l < ticks")).stdout);
  const before = await ticks();
  await eventually("the background process goes on", async () => (await ticks()) > before + 3);
});

test("a server that one call started can be reached by the next", async () => {
  await command(sandbox, "echo page > index.html; python3 -m http.server 8123 --bind 127.0.0.1 &");
  const fetch = `python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8123/index.html").read())'`;
  await eventually("the page is served", async () => (await command(sandbox, fetch)).stdout.includes("page"));
});

test("double forks and new sessions do not escape an interrupt", async () => {
  const caller = new AbortController();
  const source = "(setsid sh -c 'sleep 71 & setsid sleep 72' &); sleep 0.3; echo on; sleep 73";
  const running = command(sandbox, source, caller.signal);
  setTimeout(() => caller.abort(), 600);
  expect((await running).end).toMatchObject({ ended: "interrupted" });
  expect((await command(sandbox, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 7[123]'")).stdout).toBe(
    "0\n",
  );
}, 10_000);

test("an interrupted program that wants to clean up gets the time to", async () => {
  const caller = new AbortController();
  const source = "trap 'echo cleaned; exit 4' TERM; echo on; while :; do sleep 0.05; done";
  const running = command(sandbox, source, caller.signal);
  setTimeout(() => caller.abort(), 200);
  const ran = await running;
  expect(ran.end).toMatchObject({ ended: "interrupted", success: false });
  expect(ran.stdout).toBe("on\ncleaned\n");
}, 10_000);

test("two hundred commands leave no descriptor behind", async () => {
  // A sandbox of its own: background processes of the other one may let go of their pipes meanwhile.
  await using own = await bootOne(host, "descriptors");
  await command(own, "true");
  const before = descriptorCount();
  for (let i = 0; i < 200; i++) await command(own, "echo x; echo y >&2");
  // The runtime closes its own duplicate of a pipe a moment after its end.
  await eventually("all are closed", () => descriptorCount() <= before);
}, 60_000);

test("background processes that hold the output cost a bounded number of descriptors", async () => {
  await using own = await bootOne(host, "holders");
  const before = descriptorCount();
  for (let i = 0; i < 40; i++) await command(own, "sleep 300 & echo x");
  // Each of the 16 last programs holds two pipes, of each of which the runtime and we hold an end.
  await eventually("only those are open", () => descriptorCount() <= before + 16 * 4);
}, 60_000);
