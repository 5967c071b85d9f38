// The guest's shell programs on this very machine: an interpreter behind its pipes outlives who has started it, and the warden ends a run's
// processes and no others. In real guests: test/live.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { escaped } from "../../../src/sandbox/microvm/guest/feed.ts";
import { guestPrograms, halvesOf } from "../../../src/sandbox/microvm/guest/programs.ts";
import type { GuestProcess } from "../../../src/sandbox/runner/guest.ts";
import { runnerArgv, runnerPrograms } from "../../../src/sandbox/runner/programs.ts";
import { type InterpreterOptions, resumeInterpreter, startInterpreter } from "../../../src/sandbox/runner/runner.ts";
import { type Language, languages } from "../../../src/sandbox/templates.ts";

const never = new AbortController().signal;
const interpreters: Readonly<Record<Language, string>> = { python: "python3", node: "node", bash: "bash" };
const sources: Readonly<Record<Language, Readonly<Record<"set" | "forever" | "show", string>>>> = {
  python: { set: "x = 42", forever: "print('old')\nwhile True: pass", show: "x" },
  node: { set: "var x = 42", forever: "console.log('old'); while (true);", show: "x" },
  bash: { set: "x=42", forever: "echo old; while :; do :; done", show: "echo $x" },
};

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

for (const language of languages) {
  test(`a ${language} interpreter outlives who has started it, and the next one finds its variables`, async () => {
    const { fileName, source } = runnerPrograms[language];
    const program = join(top, fileName);
    const folder = join(top, "one");
    const interpreter = interpreters[language];
    const argv = runnerArgv(language, interpreter, program);
    // As where there are control groups.
    await Bun.write(join(top, "cgroup.procs"), "");
    const first = carry(
      [
        ...guestPrograms.start,
        folder,
        "end-mark",
        program,
        ...halvesOf(source),
        join(top, "groups"),
        interpreter,
        ...argv,
      ],
      folder,
    );
    const options: InterpreterOptions = {
      language,
      interpreter,
      program,
      env: {},
      clock: systemClock,
      spawn: () => first,
    };
    const before = await startInterpreter(options, never);
    const file = async (path: string) => await readFile(join(top, path), "utf8");
    expect(await file("cgroup.subtree_control")).toBe("+memory\n");
    expect(await file("groups/memory.max")).toMatch(/^\d+K\n$/);
    expect(await file("groups/code/cgroup.procs")).toBe(await file("one/pid"));
    const { set: setting, forever, show } = sources[language];
    const set = await before.run({ source: setting, signal: never, onOutput: () => {} });
    expect(set.success).toBe(true);
    // It runs something, and has said something, when its owner goes.
    const talked = Promise.withResolvers<void>();
    void before.run({ source: forever, signal: never, onOutput: () => talked.resolve() }).catch(() => {});
    await talked.promise;
    await first.abandon();

    const second = carry([...guestPrograms.control, top], join(top, "current"));
    const after = await resumeInterpreter(options, () => second, never);
    let printed = "";
    const ran = await after.run({
      source: show,
      signal: never,
      onOutput: (_, bytes) => {
        printed += Buffer.from(bytes).toString();
      },
    });
    expect({ ...ran, printed }).toMatchObject({ success: true, printed: "42\n", interpreterRestarted: false });
    await second.abandon();
  });
}

test("a tool is the first whose interpreter the image has; where it has none, its status tells", () => {
  const tool = (...interpreters: readonly string[]) => {
    const programs = interpreters.flatMap((interpreter) => {
      const path = join(top, interpreter);
      return [path, `echo ${interpreter}`, `${interpreter} ${path}`];
    });
    return Bun.spawnSync([...guestPrograms.tool, ...programs]);
  };
  expect(tool("no-such-python", "sh", "bash").stdout.toString()).toBe("sh\n");
  expect(tool("no-such-python", "no-such-node").exitCode).toBe(69);
});

test("an interpreter that is not in the image is told by the shell's own status", async () => {
  const argv = [
    ...guestPrograms.start,
    join(top, "one"),
    "mark",
    join(top, "x.py"),
    "",
    "",
    top,
    "no-such-interpreter",
    "x",
  ];
  expect(await Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] }).exited).toBe(127);
});

/** A pid namespace of its own, as in a guest, and its end if a script does not come to one. */
const unshare = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "timeout", "--signal=KILL", "20"];
const canUnshare = (await Bun.$`${unshare} true`.nothrow().quiet()).exitCode === 0;

/**
 * What a script prints in a guest with a warden. `start ID SOURCE` starts a command as the link does; `ask WHAT RUN STRAYS HOW-LONG` asks the warden, and
 * `tells` prints what it has answered last; `going` prints which sleeps are going on, by their seconds, and `stdout ID` what a command has printed.
 */
async function inGuest(script: string): Promise<string> {
  const helpers = `
  export top=$1
  warden=$2 command=$3 hold=$4 resume=$5 launch=$6
  mkdir "$top/runs"
  mkfifo "$top/requests"
  start() {
    # A shell's background jobs ignore an interrupt, which would be handed down.
    setsid env --default-signal=INT /bin/sh -c "$command" sh "$top/runs/$1" "$top/groups/$1" MARK empty $1 "$2" OVER "$hold" "name-$1" \
      >"$top/$1.out" 2>"$top/$1.err" &
    eval "carrier_$1=$!"
    carriers="$carriers $!"
    until grep -qs on "$top/$1.out"; do sleep 0.02; done
  }
  ask() {
    asked=$((asked + 1))
    echo "$1 $asked $2 $3 \${4:-60} $carriers" >&7
    until grep -q "^$asked " "$top/answers"; do sleep 0.02; done
  }
  tells() { sed -n "s/^$asked //p" "$top/answers"; }
  cmdlines() { for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done; }
  going() { echo $(cmdlines 2>/dev/null | sed -n 's/^sleep \\([0-9]*\\) $/\\1/p' | sort -n); }
  stdout() {
    until grep -q MARK "$top/$1.out" && tr -d '\\n' <"$top/$1.err" | grep -q 'MARK.*MARK'; do sleep 0.02; done
    cat "$top/$1.out" "$top/$1.err" | sed 's/OVER//g'
    echo
  }
  carriers= asked=0
  /bin/sh -c "$warden" sh "$top" "$top/groups" <"$top/requests" >"$top/answers" &
  exec 7>"$top/requests"
  ${script}`;
  const { warden, command, hold, resume, start } = guestPrograms;
  const programs = [warden, command, hold, resume, start].map((program) => program[2] ?? "");
  const child = Bun.spawn([...unshare, "/bin/sh", "-c", helpers, "sh", top, ...programs], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [stdout] = await Promise.all([child.stdout.text(), child.exited]);
  return stdout;
}

/** Leaves processes behind in the ways in which they detach themselves, that sleep for `first` and so many seconds more. */
const detached = (first: number) => `
  setsid sh -c 'sleep ${first} & exec sleep ${first + 1}' &
  (setsid sleep ${first + 2} &)
  nohup sleep ${first + 3} &
  (setsid env -i nohup sleep ${first + 4} </dev/null >/dev/null 2>&1 &);`;
const all = (first: number) => Array.from({ length: 5 }, (_, index) => first + index);

test.skipIf(!canUnshare)("the warden ends a command's processes, however detached, and no other's", async () => {
  const printed = await inGuest(`
    start 1001 '${detached(100).replaceAll("'", "'\\''")} echo on; wait'
    start 1002 '${detached(200).replaceAll("'", "'\\''")} echo on; wait'
    until [ "$(going)" = "${[...all(100), ...all(200)].join(" ")}" ]; do sleep 0.02; done
    ask sweep 1001 0
    going
    ask KILL 1002 0
    going
    stdout 1002`);
  expect(printed.replace(/Killed\s+/, "Killed ")).toBe(`${all(200).join(" ")}\n\non\nMARKMARKKilled 137MARK\n`);
});

test.skipIf(!canUnshare)(
  "the warden's signals come to a command and its children, and it ends as it will",
  async () => {
    const printed = await inGuest(`
    start 1001 'trap "echo heard; exit 7" INT; sh -c "trap : INT; sleep 300; sleep 301" & echo on; while :; do sleep 0.1; done'
    until going | grep -q 300; do sleep 0.02; done
    ask INT 1001 0
    stdout 1001
    start 1002 'echo on; exec sleep 302'
    ask TERM 1002 0
    stdout 1002`);
    const said = "on\nheard\nMARKMARK 7MARK\non\nMARKMARKTerminated 143MARK\n";
    expect(printed.replace(/Terminated\s+/, "Terminated ")).toBe(said);
  },
);

test.skipIf(!canUnshare)("a stray is ended with a run that was alone, and with no other", async () => {
  const printed = await inGuest(`
    (env -i setsid sleep 400 &)
    sleep 1.2
    start 1001 '(ulimit -Sw unlimited; env -i setsid sleep 401 &) ; echo on; wait; sleep 402'
    until [ "$(going)" = "400 401 402" ]; do sleep 0.02; done
    ask sweep 1001 0
    going
    ask sweep 1001 1
    going`);
  expect(printed).toBe("400 401\n400\n");
});

test.skipIf(!canUnshare)(
  "what an interpreter has started before it was ready is no run's, however soon the run came",
  async () => {
    const printed = await inGuest(`
    /bin/sh -c "$launch" sh "$top/one" MARK "$top/program" "" "" "$top/groups" sh \
      sh -c 'sleep 600 & echo ready >&3; read -r _; sleep 601 & wait' >"$top/said" 2>&1 &
    carriers=$!
    until grep -q ready "$top/said"; do sleep 0.02; done
    # Linux tells when processes were started no finer than that.
    read -r up _ </proc/uptime
    while read -r later _ </proc/uptime && [ "$later" = "$up" ]; do :; done
    echo run >"$top/one/in"
    until [ "$(going)" = "600 601" ]; do sleep 0.02; done
    ask sweep code 0 6000
    going`);
    expect(printed).toBe("600\n");
  },
);

test.skipIf(!canUnshare)(
  "a command goes on without its carrier, with what it had written and what it writes then, and how much that was is told",
  async () => {
    const printed = await inGuest(`
    start 1001 'echo on; until [ -e "$top/go" ]; do sleep 0.02; done; echo more; echo oh >&2; (exec 2>&-; sleep 0.3; echo late) & kill -SEGV $$'
    kill -KILL -$carrier_1001
    until grep -qs 139 "$top/runs/1001/ended"; do : >"$top/go"; sleep 0.02; done
    ask list all
    tells
    /bin/sh -c "$resume" sh "$top/runs/1001" OVER FIRST 2>"$top/rest"
    echo
    cat "$top/rest"`);
    const [listed, header, ...rest] = printed.split("\n");
    const said = /MARKSegmentation fault( \(core dumped\))?\s+139MARK/.exec(printed)?.[0] ?? "";
    expect(listed).toBe("1001 name-1001 ended,");
    // Two streams with their marks; the second's are told by their length.
    const late = header?.startsWith("17 ") ? 5 : 0;
    expect(header).toBe(`${12 + late} ${3 + said.length} 139 ${said.length - 8}`);
    expect(rest.join("\n").replace("FIRST", "").replace("FIRST", "")).toBe(`more\nMARKlate\nOVER\noh\n${said}OVER`);
  },
);

test.skipIf(!canUnshare)(
  "a command that is not wanted any more is ended, and what had ended before it is not",
  async () => {
    const printed = await inGuest(`
    start 1001 '(setsid sleep 500 >/dev/null 2>&1 &) ; echo on'
    stdout 1001 >/dev/null
    ask release 1001
    start 1002 '(setsid sleep 501 &) ; echo on; sleep 502'
    until [ "$(going)" = "500 501 502" ]; do sleep 0.02; done
    kill -KILL -$carrier_1002
    ask list all
    tells
    ask sweep 1002 0
    ask release 1002
    ask list all
    tells
    going
    for id in 1003 1004 1005 1006 1007 1008; do ask release $id; done
    until [ -z "$(ls "$top/runs")" ]; do sleep 0.02; done
    echo removed`);
    expect(printed).toBe("1002 name-1002,\n\n500\nremoved\n");
  },
);

test.skipIf(!canUnshare)("a command whose folder and pipes have been made ahead takes these", async () => {
  const printed = await inGuest(`
    mkdir "$top/groups"
    ask make "1001 1002"
    tells
    ask list all
    tells
    rm "$top/runs/1001/in"
    start 1001 'echo on'
    stdout 1001
    ls "$top/runs/1001/in" 2>&1 | grep -c "No such"
    ask list all
    tells`);
  expect(printed).toBe("made\n\non\nMARKMARK 0MARK\n1\n1001 name-1001 ended,\n");
});

test("text for a command's stdin comes as it was written, and its end after it", async () => {
  const folder = join(top, "one");
  const { command, hold, feed: feeding } = guestPrograms;
  const argv = [
    ...command,
    folder,
    join(top, "groups"),
    "MARK",
    "open",
    "1001",
    "cat; echo end",
    "OVER",
    hold[2] ?? "",
    "-",
  ];
  const program = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
  const feed = Bun.spawn([...feeding, join(folder, "in")], { stdio: ["pipe", "pipe", "ignore"] });
  feed.stdin.write(`${escaped("a\nb\\n\\\\0101%s\0c ä😀")}\n`);
  await feed.stdin.flush();
  const acknowledged = await feed.stdout.getReader().read();
  expect(acknowledged.value?.length).toBe(1);
  await feed.stdin.end();
  expect(await program.stdout.text()).toBe("a\nb\\n\\\\0101%s\0c ä😀end\nMARKOVER");
  await Bun.$`kill -KILL ${(await readFile(join(folder, "holder"), "utf8")).trim()}`.quiet();
  await Promise.all([program.exited, feed.exited]);
});
