// Bash in the runner: held against bash itself, program by program, and what one shell for many runs promises beyond that.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf } from "../../../src/sandbox/namespace/processes.ts";
import { Prompt } from "./spawn.ts";

const patienceMs = 60_000;

/** As models write them, and whatever else a shell is used for. */
const programs = readFileSync(join(import.meta.dir, "bash-programs.txt"), "utf8")
  .replace(/\n$/, "")
  .split("\n# ---\n");

/** What a program leaves of itself that the next one must not find. */
const clean = "set +eux +o pipefail; trap - ERR TERM; shopt -u extglob nullglob; unset x y i line; set --";

/** How deep a trace says that it is, what a function's place is called and which process was killed is each shell's own. */
function plain(stderr: string): string {
  return stderr
    .replaceAll(/^\++ /gm, "+ ")
    .replaceAll(/^(?:bash|environment): (?=line \d+: )/gm, "")
    .replaceAll(/(?<=^line \d+: +)\d+(?= Killed)/gm, "PID");
}

test(
  "every program writes what it writes in bash itself, and ends with the same status",
  async () => {
    expect(programs.length).toBeGreaterThanOrEqual(60);
    await using prompt = await Prompt.start("bash");
    const theirs = mkdtempSync(join(tmpdir(), "bash-test-"));
    try {
      for (const source of programs) {
        const bash = Bun.spawnSync(["bash", "-c", source], {
          ...{ cwd: theirs, env: { PATH: process.env.PATH ?? "", HOME: theirs }, stdin: "ignore" },
        });
        const parses = Bun.spawnSync(["bash", "-O", "extglob", "-n", "-c", source]).success;
        const ran = await prompt.run(source);
        expect({ source, stdout: ran.stdout, exitCode: ran.exitCode, success: ran.success }).toEqual({
          source,
          // Bash runs what comes before a syntax error; the runner does not.
          stdout: parses ? bash.stdout.toString() : "",
          exitCode: parses ? bash.exitCode : 2,
          success: parses && bash.exitCode === 0,
        });
        if (parses)
          expect({ source, stderr: plain(ran.stderr) }).toEqual({ source, stderr: plain(bash.stderr.toString()) });
        else
          expect({ source, stderr: ran.stderr }).toEqual({
            source,
            stderr: expect.stringMatching(/^bash: line \d+: /),
          });
        expect(ran.interpreterRestarted).toBe(false);
        await prompt.run(clean);
      }
    } finally {
      rmSync(theirs, { recursive: true, force: true });
    }
  },
  patienceMs,
);

/** How many were ended. */
function endByForce(pid: number): number {
  try {
    process.kill(pid, "SIGKILL");
    return 1;
  } catch {
    return 0;
  }
}

describe("one shell", () => {
  let prompt: Prompt;
  beforeAll(async () => {
    prompt = await Prompt.start("bash");
  }, patienceMs);
  afterAll(() => prompt[Symbol.asyncDispose]());

  const printed = async (source: string) => (await prompt.run(source)).stdout;
  const state = `declare -A map=([a b]='c d'); list=(1 "2 3"); export shown=yes; declare -i number=4; text=$'two\nlines'
twice() { echo $(($1 * 2)); }; alias greet='echo hi'; shopt -s nullglob; set -o pipefail -u; trap 'echo user' USR1; umask 027; cd /usr; set -- p q
exec 7< <(echo kept open)`;
  const look = `echo "\${map[a b]} \${list[1]} $(env | grep ^shown=) $number $text $(twice 4) $PWD $(umask) $* $-" | tr '\\n' ' '
alias; shopt nullglob; set -o | grep pipefail; trap -p USR1; kill -USR1 $$; number+=1; echo $number; read -r line <&7; echo $line; exec 7< <(echo kept open); number=4`;

  for (const [end, source] of Object.entries({
    "the end of a source": ":",
    "an exit": "exit 3",
    "an exit within functions": "inner() { local number=9; exit 3; }; outer() { inner; }; outer",
    "a failure under set -e": "set -e; false",
    "an unset variable under set -u": "set -u; echo $not_there",
    "a syntax error": "if",
  })) {
    test(`keeps all of its state over ${end}`, async () => {
      await prompt.run(state);
      const before = await printed(look);
      expect(before).toContain("c d 2 3 shown=yes 4 two lines 8 /usr 0027 p q hu");
      expect(before).toContain("user\n5\nkept open\n");
      await prompt.run(source);
      await prompt.run("set +e");
      expect(await printed(look)).toBe(before);
    });
  }

  test("keeps its state whatever its separators of words are", async () => {
    await prompt.run("kept=1; IFS=,; exit 3");
    expect(await printed('echo "$kept$IFS"; unset IFS kept')).toBe("1,\n");
  });

  test("keeps its state over an interrupt during which its processes are ended by force", async () => {
    await prompt.run("kept=1; later=2");
    const listener = Number(await printed("echo $__msb_listener"));
    const caller = new AbortController();
    const ended = prompt.interpreter.run({
      source: "echo on; while :; do :; done",
      signal: caller.signal,
      onOutput: () => caller.abort(),
      interruptGraceMs: 30_000,
    });
    const over = ended.then(() => "over");
    while (!caller.signal.aborted) await Bun.sleep(1);
    for (let killed = 0; killed < 10; ) {
      const children = childrenOf(prompt.interpreter.pid).filter((child) => child !== listener);
      for (const child of children) killed += endByForce(child);
      if ((await Promise.race([over, Bun.sleep(0)])) === "over") break;
    }
    expect(await ended).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
    expect(await printed("echo $kept$later")).toBe("12\n");
  });

  test("finds the status of the last run, whatever the options", async () => {
    await prompt.run("set -eu; (exit 5) || exit 6");
    expect(await printed("echo $? $-")).toMatch(/^6 e/);
    await prompt.run("set +eu; (exit 7)");
    expect(await printed("echo $?")).toBe("7\n");
  });

  test("keeps its state over an interrupt, and its background processes go on", async () => {
    await prompt.run("kept=1; sleep 300 & sleeper=$!");
    for (const source of [
      "echo on; while :; do :; done",
      "echo on; sleep 300; echo no",
      "echo on; slept=$(sleep 300); echo no",
    ]) {
      const ran = await prompt.interruptAfterOutput(source, undefined, { interruptGraceMs: 30_000 });
      expect(ran).toMatchObject({ ended: "interrupted", success: false, stdout: "on\n", interpreterRestarted: false });
    }
    expect(await printed("echo $kept; kill $sleeper && echo it was there")).toBe("1\nit was there\n");
  });

  test("has jobs from one run to the next", async () => {
    await prompt.run("(sleep 0.1; exit 4) &");
    expect(await printed("jobs | grep -c Running; wait %1; echo $?")).toMatch(/^[01]\n4\n$/);
  });

  test("lets a trap of the user's have an interrupt, once", async () => {
    const ran = await prompt.interruptAfterOutput(
      "over=; trap 'echo caught; over=1' INT; echo on; until [ $over ]; do sleep 0.01; done",
      undefined,
      {
        interruptGraceMs: 30_000,
      },
    );
    expect(ran).toMatchObject({ stdout: "on\ncaught\n", interpreterRestarted: false });
    expect(await printed("trap; trap - INT; trap -p INT")).toContain("trap -- 'echo caught; over=1' SIGINT\n");
  });

  test("runs a trap on EXIT once, at the end of the run that set it, and its exit counts", async () => {
    expect(await prompt.run("trap 'echo bye; exit 6' EXIT; echo on")).toMatchObject({
      stdout: "on\nbye\n",
      exitCode: 6,
    });
    expect(await prompt.run("echo next; trap -p EXIT")).toMatchObject({ stdout: "next\n", exitCode: 0 });
  });

  test("shows nothing of what ends a run in lists of all variables and functions", async () => {
    let bytes = 0;
    const source = "set; declare -p; declare -f; trap";
    const onOutput = (_: unknown, chunk: Uint8Array) => {
      bytes += chunk.length;
    };
    const end = await prompt.interpreter.run({ source, signal: new AbortController().signal, onOutput });
    expect(end).toMatchObject({ success: true, interpreterRestarted: false });
    expect(bytes).toBeGreaterThan(1000);
    expect(await printed("echo on")).toBe("on\n");
  });

  test("has a stream of bytes come as it is", async () => {
    const bytes: Uint8Array[] = [];
    await prompt.interpreter.run({
      source: "head -c 300000 /dev/zero | tr '\\0' '\\377'; printf '\\0\\1'",
      signal: new AbortController().signal,
      onOutput: (_, chunk) => bytes.push(Buffer.from(chunk)),
    });
    expect(Buffer.concat(bytes)).toEqual(Buffer.concat([Buffer.alloc(300_000, 0xff), Buffer.from([0, 1])]));
  });

  test("runs a source of a mebibyte", async () => {
    expect(await printed(`echo first\n${`# ${"ä".repeat(50)}\n`.repeat(10_200)}echo last`)).toBe("first\nlast\n");
  });

  test("that is killed leaves no process of its own", async () => {
    const other = await Prompt.start("bash");
    const listener = Number((await other.run("echo $__msb_listener")).stdout);
    expect(existsSync(`/proc/${listener}`)).toBe(true);
    await other.run("kill -KILL $$");
    while (existsSync(`/proc/${listener}`)) await Bun.sleep(5);
    await other[Symbol.asyncDispose]();
  });
});
