// Each hazard of the server (shared/reference/microsandbox-server-api.md) as a promise of the adapter. On a stub, because most hazards
// have to be provoked.

import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Event } from "../../../src/events.ts";
import { defaultTemplates } from "../../../src/sandbox/templates.ts";
import { BegunRun } from "../../contract/begun-run.ts";
import type { Stub } from "../../stub-microsandbox/stub.ts";
import { rawRpc } from "./raw-rpc.ts";
import { arena, keyOf, makeHost, never, ran, resources, templateOf } from "./servers.ts";

/** For a stub's files, and those of its sandboxes. */
async function stubFolder() {
  const path = await mkdtemp(join(tmpdir(), "stub-microsandbox-"));
  /** Resolves with the folder in it in which there is a file of this name, once there is. */
  const folderWith = async (name: string): Promise<string> => {
    for (;;) {
      for await (const found of new Bun.Glob(`**/${name}`).scan({ cwd: path, absolute: true, dot: true })) {
        return dirname(found);
      }
      await Bun.sleep(20);
    }
  };
  return { path, folderWith, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const spec = (overrides: object = {}) => ({
  sessionId: `session-${crypto.randomUUID()}`,
  template: templateOf("python"),
  resources,
  ...overrides,
});

describe("starting", () => {
  test("starts at once never meet in one namespace (hazard a)", async () => {
    await using at = await arena({ sandboxfileGapMs: 20 });
    const made = await Promise.all(Array.from({ length: 5 }, () => at.create()));
    expect(new Set(made.map(({ name }) => name)).size).toBe(5);
    const namespaces = at.stub.requests
      .filter(({ method }) => method === "sandbox.start")
      .map(({ params }) => params.namespace);
    expect(new Set(namespaces).size).toBe(5);
  });

  test("with a key for one namespace, starts at once wait for one another (hazard a)", async () => {
    const key = "k".repeat(32);
    await using at = await arena({ dev: false, key, sandboxfileGapMs: 20 });
    await using host = makeHost({ url: at.stub.url, apiKey: await at.stub.apiKey({ namespace: "team" }) });
    const made = await Promise.all(Array.from({ length: 5 }, () => host.create(spec(), never)));
    expect((await Promise.all(made.map((sandbox) => ran(sandbox, "code", "1")))).map(({ stdout }) => stdout)).toEqual(
      Array.from({ length: 5 }, () => "1\n"),
    );
    expect(new Set(at.stub.requests.map(({ params }) => params.namespace))).toEqual(new Set(["team"]));
  });

  test("with a key for one namespace, only so many names are ever used, and the operator is told at the start", async () => {
    const key = "k".repeat(32);
    await using at = await arena({ dev: false, key });
    const events: Event[] = [];
    const apiKey = await at.stub.apiKey({ namespace: "team" });
    await using host = makeHost({
      ...{ url: at.stub.url, apiKey, maxSandboxes: 1, settleMs: 50 },
      emit: (event) => void events.push(event),
    });
    expect(events).toEqual([{ type: "server.warning", message: expect.stringContaining("namespace team only") }]);
    for (let session = 0; session < 12; session += 1) {
      await using sandbox = await host.create(spec(), never);
      expect((await ran(sandbox, "command", "ls -A; echo x > secret")).stdout).toBe("");
    }
    // Five places, and the name that clears them.
    expect(namesGiven(at.stub)).toBeLessThanOrEqual(6);
    expect(events).toHaveLength(1);
  }, 120_000);

  test("sandboxes are looked for by the names that there may be, never by all that the server has", async () => {
    await using at = await arena({}, { maxSandboxes: 2 });
    await using sandbox = await at.create();
    const { survivors } = at.host;
    expect(await survivors?.list(never)).toMatchObject([{ name: sandbox.name }]);
    // An earlier process had more places.
    const rpc = rawRpc(at.stub.url);
    const strange = "msb-testtest-040";
    await rpc("sandbox.start", { namespace: strange, sandbox: strange, config: { image: "microsandbox/python" } });
    const known = `${strange}@session-old`;
    expect(await survivors?.list(never, [known])).toEqual([
      expect.objectContaining({ name: sandbox.name }),
      { name: known, sessionId: "session-old", createdAtMs: null, isStray: true },
    ]);
    await survivors?.destroy(known, never);
    expect(at.stub.unstopped).toEqual([keyOf(sandbox)]);
    expect(at.stub.requests.filter(({ params }) => params.namespace === "*")).toEqual([]);
  });

  test("what was left under a name is not ended once the name is another session's", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const [, name = ""] = keyOf(sandbox).split("/");
    await at.host.survivors?.destroy(name, never);
    await at.host.survivors?.destroy(`${name}@session-of-before`, never);
    expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
  });

  test("what would spoil a namespace is refused before it is sent (hazard b)", async () => {
    await using at = await arena();
    const [python] = defaultTemplates;
    const create = (template: object, volumes: { hostPath: string; guestPath: string; readOnly: boolean }[] = []) =>
      makeHost({ url: at.stub.url, volumes }).create(spec({ template: { ...python, ...template } }), never);
    const refused = { kind: "configuration" };
    await expect(create({ serverImage: "Not An Image" })).rejects.toMatchObject(refused);
    await expect(create({ serverImage: "./rootfs" })).rejects.toMatchObject(refused);
    await expect(create({ serverImage: "" })).rejects.toMatchObject(refused);
    await expect(create({ env: { "A=B": "c" } })).rejects.toMatchObject(refused);
    await expect(create({ env: { A: "c\0" } })).rejects.toMatchObject(refused);
    await expect(create({}, [{ hostPath: "/a:b", guestPath: "/c", readOnly: false }])).rejects.toMatchObject(refused);
    await expect(create({}, [{ hostPath: "a", guestPath: "/c", readOnly: false }])).rejects.toMatchObject(refused);
    await expect(create({}, [{ hostPath: "/a", guestPath: "", readOnly: false }])).rejects.toMatchObject(refused);
    expect(at.stub.requests).toEqual([]);
  });

  test("a volume that is to be read-only is refused, for the server would mount it for writing", async () => {
    await using at = await arena({}, { volumes: [{ hostPath: "/srv", guestPath: "/data", readOnly: true }] });
    const error = await at.create().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "configuration", context: { guest_path: "/data" } });
    expect(String(error)).toContain("read-only");
    expect(String(error)).not.toContain("/srv");
    expect(at.stub.requests).toEqual([]);
  });

  test("a sandbox has none of the files of the one before it, though its name is used again (hazard e)", async () => {
    await using at = await arena({}, { maxSandboxes: 1, settleMs: 100 });
    const names: string[] = [];
    // There are six places: each is used more than once.
    for (let session = 0; session < 14; session += 1) {
      await using sandbox = await at.create();
      names.push(keyOf(sandbox));
      expect((await ran(sandbox, "command", "ls -A")).stdout).toBe("");
      await ran(sandbox, "command", "echo secret > left-behind; mkdir -p .hidden/x; chmod 000 .hidden");
    }
    expect(new Set(names).size).toBeLessThanOrEqual(6);
    expect(at.events).toEqual([]);
    expect(namesGiven(at.stub)).toBeLessThanOrEqual(2 * 6);
  }, 120_000);

  test("a name whose files cannot be cleared is not used again, and the operator is told (hazard e)", async () => {
    await using at = await arena({ mountsVolumes: false }, { maxSandboxes: 1, settleMs: 50 });
    const names: string[] = [];
    for (let session = 0; session < 9; session += 1) {
      await using sandbox = await at.create();
      names.push(keyOf(sandbox));
    }
    expect(new Set(names).size).toBe(9);
    expect(at.events).toContainEqual({
      type: "server.warning",
      message: expect.stringContaining("could not be cleared"),
    });
  }, 180_000);

  test("starts that fail use up no names, and nothing is cleared for them", async () => {
    await using at = await arena({}, { maxSandboxes: 1, settleMs: 50 });
    const template = { ...templateOf("python"), serverImage: "nobody/nothing" };
    for (let start = 0; start < 12; start += 1) {
      await expect(at.host.create(spec({ template }), never)).rejects.toMatchObject({ kind: "sandbox_creation" });
    }
    await using sandbox = await at.create();
    expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
    expect(namesGiven(at.stub)).toBeLessThanOrEqual(6);
    expect(at.events).toEqual([]);
  }, 60_000);

  test("a name is not started again while it may run (hazards c and d)", async () => {
    await using at = await arena({ stopLagMs: 400 }, { maxSandboxes: 1, settleMs: 500 });
    for (let session = 0; session < 9; session += 1) {
      await using sandbox = await at.create();
      expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
      expect(at.stub.machines.filter((key) => key === keyOf(sandbox))).toHaveLength(1);
    }
    expect(at.events).toEqual([]);
  }, 120_000);

  test("a machine that answers under a name and is another session's is not used", async () => {
    await using at = await arena();
    await using first = await at.create();
    const [namespace = "", sandbox = ""] = keyOf(first).split("/");
    const load = '__msb_load("n ", "session-of-another", {})';
    const code = `${load}\n`;
    const rpc = rawRpc(at.stub.url);
    const answer = await rpc("sandbox.repl.run", { namespace, sandbox, language: "python", code, timeout: 5 });
    expect(answer.text).not.toContain("session-of-another");
    const astray = await rpc("sandbox.repl.run", {
      ...{ namespace, sandbox, language: "python", timeout: 5 },
      code: "__msb('session-of-another', 'eyJvIjpbXX0=')\n",
    });
    expect(astray.text).toContain("msb-not-yours");
    expect((await ran(first, "code", "2")).stdout).toBe("2\n");
  });

  test("a portal that answers long after its sandbox has started is waited for (rule 3)", async () => {
    await using at = await arena({ portalDelayMs: 2500 });
    await using sandbox = await at.create();
    expect((await ran(sandbox, "code", "6*7")).stdout).toBe("42\n");
    expect(at.stub.requests.filter(({ method }) => method === "sandbox.start")).toHaveLength(1);
  });

  test("a portal that never answers is a failure within the start timeout, and nothing is left", async () => {
    await using at = await arena({ portalDelayMs: 60_000 }, { startTimeoutMs: 1500 });
    await expect(at.create()).rejects.toMatchObject({ kind: "sandbox_creation" });
    await at.host[Symbol.asyncDispose]();
    await gone(at.stub);
  });

  test("a sandbox that the server has started after its caller left is stopped", async () => {
    await using at = await arena({ bootMs: 400 });
    const caller = new AbortController();
    const booting = at.create("python", caller.signal);
    await until(() => at.stub.requests.some(({ method }) => method === "sandbox.start"));
    caller.abort(new Error("the caller left"));
    await expect(booting).rejects.toThrow("the caller left");
    // The machine comes all the same.
    await until(() => at.stub.machines.length > 0);
    await at.host[Symbol.asyncDispose]();
    await gone(at.stub);
    expect(at.stub.requests.map(({ method }) => method)).toContain("sandbox.stop");
  });

  test("the template's environment reaches every program, whatever is in it", async () => {
    await using at = await arena();
    const env = { GREETING: "two words\nand a = sign" };
    await using sandbox = await at.host.create(spec({ template: { ...templateOf("python"), env } }), never);
    expect((await ran(sandbox, "command", 'echo "$GREETING"')).stdout).toBe(`${env.GREETING}\n`);
    expect((await ran(sandbox, "code", "import os; print(os.environ['GREETING'])")).stdout).toBe(`${env.GREETING}\n`);
  });
});

describe("running", () => {
  test("programs are never typed into the portal's interpreter (rule 4)", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const cases = [
      ["def f():\n  x = 1\n\n  return x\nprint(f())", "1\n"],
      ["print('x', end='')", "x"],
      ["import sys; print('a'); sys.exit(3)", "a\n"],
      ["1/0\nprint('not reached')", ""],
      ["print((1,", ""],
      ["'''", ""],
      ["1+1", "2\n"],
    ] as const;
    for (const [source, stdout] of cases)
      expect([source, (await ran(sandbox, "code", source)).stdout]).toEqual([source, stdout]);
    const lines = at.stub.requests
      .filter(({ method }) => method === "sandbox.repl.run")
      .map(({ params }) => String(params.code));
    expect(lines.length).toBeGreaterThan(cases.length);
    for (const line of lines) expect(line).not.toContain("\n");
  });

  test("the portal is always given a limit, shorter than our own (rule 5)", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    await ran(sandbox, "code", "1");
    const limits = at.stub.requests
      .filter(({ method }) => method === "sandbox.repl.run" || method === "sandbox.command.run")
      .map(({ params }) => params.timeout);
    for (const limit of limits) expect(limit).toBeGreaterThan(0);
  });

  test("an exception is told although the portal loses its stderr", async () => {
    await using at = await arena({ loseStderr: true });
    await using sandbox = await at.create();
    const { end, stderr } = await ran(sandbox, "code", "1/0");
    expect(end).toMatchObject({ ended: "exited", success: false });
    expect(stderr).toContain("ZeroDivisionError");
  });

  test("output on stderr alone is a success", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    expect((await ran(sandbox, "code", "import sys; print('w', file=sys.stderr)")).end.success).toBe(true);
  });

  test("the end of a command's output is not lost though the portal loses it", async () => {
    await using at = await arena({ loseCommandLines: 5, loseEvery: 1 });
    await using sandbox = await at.create();
    expect((await ran(sandbox, "command", "echo a; echo b >&2; echo c")).stdout).toBe("a\nc\n");
  });

  test("bytes come as they were written: without a last newline, not UTF-8, with carriage returns", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const parts: Uint8Array[] = [];
    await sandbox.run({
      kind: "command",
      source: "printf '\\377\\000a\\r\\n\\n> b\\n.. c'",
      timeoutMs: 10_000,
      signal: never,
      onOutput: (_, bytes) => void parts.push(bytes),
    });
    expect(Buffer.concat(parts).toString("latin1")).toBe("\u00ff\u0000a\r\n\n> b\n.. c");
  });

  test("a command that is not found is an exit status of 127, not a server error (rule 6)", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const { end, stderr } = await ran(sandbox, "command", "no-such-program");
    expect(end).toMatchObject({ ended: "exited", exitCode: 127 });
    expect(stderr).toContain("not found");
  });

  test("what a command printed before it was stopped is returned, and its grandchildren do not hold it up (rule 6)", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const caller = new AbortController();
    const { end, stdout } = await ran(sandbox, "command", "echo early; (sleep 100; true); echo late", {
      signal: caller.signal,
      onOutput: () => caller.abort(),
    });
    expect(end.ended).toBe("interrupted");
    expect(stdout).toBe("early\n");
    expect((await ran(sandbox, "command", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).stdout).not.toContain(
      "sleep 100",
    );
  });

  test("a source far beyond the server's limit of a request runs whole", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const text = "ä😀".repeat(700_000);
    const { stdout, end } = await ran(sandbox, "code", `s = "${text}"\nprint(len(s), s.count("😀"))`);
    expect([stdout, end.success]).toEqual(["1400000 700000\n", true]);
    expect(at.stub.requests.every(({ params }) => JSON.stringify(params).length < 2 * 1024 * 1024)).toBe(true);
  });

  test("an answer that was lost with its connection does not repeat the run (rule 7)", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    await ran(sandbox, "command", "true");
    at.stub.faults.set([{ kind: "drop", method: "sandbox.repl.run", times: 1 }]);
    expect((await ran(sandbox, "command", "echo once >> log; echo done")).stdout).toBe("done\n");
    at.stub.faults.set([{ kind: "half", method: "sandbox.repl.run", times: 1 }]);
    expect((await ran(sandbox, "code", "open('log', 'a').write('once\\n')")).stdout).toBe("5\n");
    at.stub.faults.set([{ kind: "error", method: "sandbox.repl.run", times: 1 }]);
    expect((await ran(sandbox, "command", "echo once >> log; cat log")).stdout).toBe("once\nonce\nonce\n");
  });

  test("an interrupt arrives although the portal is busy, even if the first messenger fails", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    for (const faults of [[], [{ kind: "drop", method: "sandbox.command.run", times: 1 }] as const]) {
      at.stub.faults.set(faults);
      const caller = new AbortController();
      const source = "x = 5\nprint('on', flush=True)\nwhile True: pass";
      const { end } = await ran(sandbox, "code", source, { signal: caller.signal, onOutput: () => caller.abort() });
      expect(end).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
      expect((await ran(sandbox, "code", "x")).stdout).toBe("5\n");
    }
    expect(at.stub.requests.map(({ method }) => method)).toContain("sandbox.command.run");
  });

  test("a `pkill python3` takes the interpreter and not the sandbox", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    await ran(sandbox, "code", "x = 1");
    // A killed process that has not quite ended may still take a request in: no backend can tell that from one that began.
    await ran(
      sandbox,
      "command",
      "all=$(pgrep python3); pkill -9 python3; for p in $all; do until [ ! -e /proc/$p ]; do sleep 0.01; done; done",
    );
    expect((await ran(sandbox, "code", "2")).stdout).toBe("2\n");
  });

  test("an interpreter that died between two runs is replaced for the second, which runs once and tells of it", async () => {
    await using root = await stubFolder();
    await using at = await arena({ path: root.path });
    for (const language of ["python", "node"] as const) {
      await using sandbox = await at.create(language);
      // From outside, later, and without anything that the host would be told: it asks for nothing between runs.
      const program = language === "python" ? "python3" : "node";
      const [begun, go, gone] = [`${language}-begun`, `${language}-go`, `${language}-gone`];
      // Quite gone: what has been killed may still take a request in, by a thread of it that has not ended.
      const kill = `all=$(pgrep ${program}); pkill -9 ${program}; for p in $all; do until [ ! -e /proc/$p ]; do sleep 0.01; done; done`;
      const line = `touch ${begun}; until [ -e ${go} ]; do sleep 0.01; done; ${kill}; touch ${gone}`;
      await ran(sandbox, "command", `(${line}) > /dev/null 2>&1 &`);
      await Bun.write(join(await root.folderWith(begun), go), "");
      await root.folderWith(gone);
      const source =
        language === "python" ? "open('log', 'a').write('x')" : "require('fs').appendFileSync('log', 'x'); 1";
      const { end, stdout } = await ran(sandbox, "code", source);
      expect([stdout, end.ended, end.interpreterRestarted]).toEqual(["1\n", "exited", true]);
      expect((await ran(sandbox, "command", "cat log")).stdout).toBe("x");
    }
  });

  test("code that is ended before it has read all that is written to it is not run again", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const source = `import os; open('log', 'a').write('x'); print(os.getpid(), flush=True); os.kill(os.getpid(), 19)`;
    const stopped = new BegunRun(sandbox, "code", source, { stdin: "open", timeoutMs: 60_000 });
    await stopped.hasPrinted("\n");
    const pid = stopped.printed.stdout.trim();
    await ran(sandbox, "command", `until grep -q '^State:.T' /proc/${pid}/status; do sleep 0.01; done`);
    const writing = (await stopped.control).write("unread");
    await ran(sandbox, "command", `kill -9 ${pid}`);
    expect(await stopped.end).toMatchObject({ ended: "interpreter_exited", signal: "SIGKILL" });
    await writing;
    expect((await ran(sandbox, "command", "cat log")).stdout).toBe("x");
  });

  test("what is printed between two runs belongs to neither", async () => {
    await using root = await stubFolder();
    await using at = await arena({ path: root.path });
    await using sandbox = await at.create();
    const late = "touch begun; until [ -e go ]; do sleep 0.01; done; echo late; touch printed";
    await ran(sandbox, "code", `import subprocess; p = subprocess.Popen(['sh', '-c', '${late}'])`);
    // Not by asking the sandbox, which would fetch it.
    await Bun.write(join(await root.folderWith("begun"), "go"), "");
    await root.folderWith("printed");
    expect((await ran(sandbox, "code", "print('mine')")).stdout).toBe("mine\n");
  });

  test("what an earlier run left talking does not fill, stop or disturb the next", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    await ran(sandbox, "code", "import subprocess; p = subprocess.Popen(['yes'])");
    await ran(sandbox, "command", "yes & true");
    await Bun.sleep(300);
    const { stdout } = await ran(sandbox, "command", "echo mine");
    expect(stdout).toBe("mine\n");
    await ran(sandbox, "code", "p.kill(); _ = p.wait()");
  });
});

describe("stopping", () => {
  test("disposal waits until the server says that the sandbox does not run", async () => {
    await using at = await arena();
    const sandbox = await at.create();
    await sandbox[Symbol.asyncDispose]();
    const metrics = await rawRpc(at.stub.url)("sandbox.metrics.get", {
      namespace: keyOf(sandbox).split("/")[0],
      sandbox: keyOf(sandbox).split("/")[1],
    });
    expect(metrics.json).toMatchObject({ result: { sandboxes: [{ running: false }] } });
  });

  test("what ran in a sandbox has ended before its disposal has, though the server only signals it", async () => {
    const folder = `/tmp/serverbackend-${crypto.randomUUID()}`;
    await Bun.$`mkdir -p ${folder}`.quiet();
    await using at = await arena(
      { stopLagMs: 1500 },
      { volumes: [{ hostPath: folder, guestPath: "/shared", readOnly: false }] },
    );
    const sandbox = await at.create();
    await ran(sandbox, "command", "(while :; do date +%N > /shared/beat; sleep 0.02; done) > /dev/null 2>&1 &");
    await until(async () => await Bun.file(`${folder}/beat`).exists());
    await sandbox[Symbol.asyncDispose]();
    const beat = await Bun.file(`${folder}/beat`).text();
    await Bun.sleep(200);
    expect(await Bun.file(`${folder}/beat`).text()).toBe(beat);
    await Bun.$`rm -rf ${folder}`.quiet();
  });

  test("a stop that the server loses is asked for again", async () => {
    await using at = await arena();
    const sandbox = await at.create();
    at.stub.faults.set([{ kind: "error", method: "sandbox.stop", times: 2 }]);
    await sandbox[Symbol.asyncDispose]();
    await gone(at.stub);
    expect(at.events).toEqual([]);
  });
});

describe("strangers", () => {
  test("two installations on one server neither see nor stop each other's sandboxes, nor a stranger's", async () => {
    await using at = await arena();
    const rpc = rawRpc(at.stub.url);
    await rpc("sandbox.start", { namespace: "default", sandbox: "stranger", config: { image: "microsandbox/python" } });
    const other = makeHost({ url: at.stub.url, installationId: "otherone" });
    await using mine = await at.create();
    await other.create(spec(), never);
    await other[Symbol.asyncDispose]();
    await until(() => at.stub.machines.length === 2);
    expect((await ran(mine, "code", "1")).stdout).toBe("1\n");
    expect(at.stub.machines.toSorted()).toEqual(["default/stranger", keyOf(mine)]);
  });
});

/** How many names the server was ever given. */
function namesGiven({ requests }: Stub): number {
  const starts = requests.filter(({ method }) => method === "sandbox.start");
  return new Set(starts.map(({ params }) => params.sandbox)).size;
}

/** The server ends a sandbox some time after it says so. */
async function gone(stub: { readonly machines: readonly string[] }): Promise<void> {
  await until(() => stub.machines.length === 0);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 6000; look += 1) {
    if (await holds()) return;
    await Bun.sleep(10);
  }
  throw new Error("waited for a minute in vain");
}
