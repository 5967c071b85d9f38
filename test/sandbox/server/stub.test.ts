// The stub against the reference: it is only worth testing against if it does what the real server does.

import { describe, expect, test } from "bun:test";
import { Stub, type StubOptions } from "../../stub-microsandbox/stub.ts";
import { outputLines, type RawRpc, rawPost, rawRpc } from "./raw-rpc.ts";

const serverError = (code: number, error: string) => ({ error, code });
const python = { image: "microsandbox/python" };

async function devStub(options: StubOptions = {}): Promise<{ stub: Stub; rpc: RawRpc } & AsyncDisposable> {
  const stub = await Stub.start({ dev: true, ...options });
  return { stub, rpc: rawRpc(stub.url), [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose]() };
}

async function started(language: "python" | "node", options: StubOptions = {}) {
  const { stub, rpc } = await devStub(options);
  const at = { namespace: "n", sandbox: "s" };
  await rpc("sandbox.start", { ...at, config: { image: `microsandbox/${language}` } });
  return {
    stub,
    rpc,
    run: async (code: string, timeout?: number) =>
      outputLines(
        await rpc("sandbox.repl.run", { ...at, language, code, ...(timeout === undefined ? {} : { timeout }) }),
      ),
    command: (command: string, args: readonly string[], timeout?: number) =>
      rpc("sandbox.command.run", { ...at, command, args, ...(timeout === undefined ? {} : { timeout }) }),
    [Symbol.asyncDispose]: () => stub[Symbol.asyncDispose](),
  };
}

describe("routes and refusals", () => {
  test("health is under /api/v1 and needs no key", async () => {
    await using stub = await Stub.start();
    const answer = await fetch(`${stub.url}/api/v1/health`);
    expect([answer.status, await answer.json()]).toEqual([200, { message: "Service is healthy" }]);
    expect((await fetch(`${stub.url}/health`)).status).toBe(404);
  });

  test("a request without, with a bad, an expired and a narrower key is refused as the server refuses it", async () => {
    await using stub = await Stub.start();
    const rpc = rawRpc(stub.url);
    const ask = (authorization: string, namespace = "n") =>
      rpc("sandbox.metrics.get", { namespace }, authorization === "" ? {} : { authorization });
    const bearer = async (request: object) => `Bearer ${await stub.apiKey(request)}`;
    expect(await ask("")).toMatchObject({ status: 401, json: serverError(1001, "Invalid credentials") });
    expect(await ask("Bearer abc")).toMatchObject({ status: 401, json: serverError(1001, "Invalid credentials") });
    expect(await ask("msb_a.b.c")).toMatchObject({ status: 401, json: serverError(1004, "Invalid or expired token") });
    expect(await ask(await bearer({ lifeSeconds: -5 }))).toMatchObject({ status: 401, json: { code: 1004 } });
    expect(await ask(await bearer({ namespace: "m" }))).toMatchObject({
      status: 403,
      json: serverError(3001, "Access denied"),
    });
    expect((await ask(await bearer({ namespace: "n" }), "*")).status).toBe(403);
    expect((await ask(await bearer({ namespace: "n" }))).json).toEqual(
      serverError(2001, "Namespace directory 'n' does not exist"),
    );
    // A raw key, and the other header.
    expect((await ask(await stub.apiKey())).status).toBe(400);
    expect(
      (await rpc("sandbox.metrics.get", { namespace: "n" }, { "proxy-authorization": await stub.apiKey() })).status,
    ).toBe(400);
  });

  test("what is not JSON-RPC is refused in each of the three shapes", async () => {
    await using at = await devStub();
    const post = (body: string, headers = {}) => rawPost(at.stub.url, body, headers);
    expect((await post("{")).status).toBe(400);
    expect((await post("[]")).status).toBe(422);
    expect((await post("{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(JSON.stringify({ method: "x", pad: "a".repeat(2 * 1024 * 1024) }))).status).toBe(413);
    expect((await post('{"method":"sandbox.stop","params":{}}')).status).toBe(422);
    expect(await post('{"jsonrpc":"1.0","method":"sandbox.stop","params":{}}')).toMatchObject({
      status: 400,
      json: { jsonrpc: "2.0", error: { code: -32600, message: "Invalid or missing jsonrpc version field" } },
    });
    expect(await at.rpc("sandbox.nope", {})).toMatchObject({
      status: 404,
      json: { jsonrpc: "2.0", error: { code: -32601, message: "Method not found: sandbox.nope" }, id: "t" },
    });
    expect(
      await at.rpc("sandbox.start", { namespace: "n", sandbox: "s", config: { image: "x", memory: 1.5 } }),
    ).toMatchObject({ status: 400, json: { code: 2001 } });
  });

  test("names are held to the server's rules", async () => {
    await using at = await devStub();
    const start = async (sandbox: string) =>
      (await at.rpc("sandbox.start", { namespace: "n", sandbox, config: python })).json;
    expect(await start("a".repeat(64))).toEqual(serverError(2001, "Sandbox name cannot exceed 63 characters"));
    expect(await start("a.b")).toEqual(
      serverError(2001, "Sandbox name can only contain alphanumeric characters, hyphens, or underscores"),
    );
    expect(await start("-a")).toEqual(serverError(2001, "Sandbox name must start with an alphanumeric character"));
    const stop = async (namespace: string) => (await at.rpc("sandbox.stop", { namespace, sandbox: "s" })).json;
    expect(await stop("")).toEqual(serverError(2001, "Namespace cannot be empty"));
    expect(await stop("*")).toEqual(serverError(2001, "Wildcard namespace (*) is not valid for sandbox creation"));
  });

  test("what is passed on to a portal is refused by the server for its address, and by the portal with a 500", async () => {
    await using at = await started("python");
    const refusal = async (method: string, params: unknown) => (await at.rpc(method, params)).json;
    const whole = { namespace: "n", sandbox: "s" };
    expect(await refusal("sandbox.repl.run", { namespace: "n" })).toEqual(
      serverError(2001, "Missing required 'sandbox' parameter for portal request"),
    );
    expect(await refusal("sandbox.command.run", { sandbox: "s" })).toEqual(
      serverError(2001, "Missing required 'namespace' parameter for portal request"),
    );
    expect(await refusal("sandbox.repl.run", [])).toEqual(
      serverError(2001, "Request parameters must be an object containing 'sandbox' and 'namespace'"),
    );
    expect(await refusal("sandbox.repl.run", whole)).toEqual(serverError(5002, "Internal server error"));
    expect(await refusal("sandbox.command.run", { ...whole, command: "true", args: null })).toEqual(
      serverError(5002, "Internal server error"),
    );
  });

  test("a key for one namespace needs one in the parameters", async () => {
    await using stub = await Stub.start();
    const authorization = await stub.apiKey({ namespace: "n" });
    expect(await rawRpc(stub.url)("sandbox.metrics.get", {}, { authorization })).toMatchObject({
      status: 400,
      json: serverError(2001, "Missing or invalid 'namespace' in params for method 'sandbox.metrics.get'"),
    });
  });
});

describe("a client that hangs up", () => {
  const hangUp = async (stub: Stub, method: string, params: object, afterMs: number) => {
    const body = JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 });
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(afterMs);
    await fetch(`${stub.url}/api/v1/rpc`, { method: "POST", headers, body, signal }).catch(() => {});
  };

  test("has stopped nothing", async () => {
    await using at = await started("python", { costMs: 300 });
    await hangUp(at.stub, "sandbox.stop", { namespace: "n", sandbox: "s" }, 100);
    await Bun.sleep(600);
    expect(at.stub.unstopped).toEqual(["n/s"]);
  });

  test("has started nothing, and a pull that was under way is thrown away", async () => {
    await using at = await devStub({ pullMs: 500 });
    const params = { namespace: "n", sandbox: "s", config: python };
    await hangUp(at.stub, "sandbox.start", params, 300);
    await Bun.sleep(500);
    expect(at.stub.machines).toEqual([]);
    const before = performance.now();
    expect((await at.rpc("sandbox.start", params)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThan(450);
  });
});

describe("what calls cost", () => {
  test("grows with every name that was ever started, in each namespace that is read", async () => {
    await using at = await devStub({ costMs: 40 });
    for (const sandbox of ["a", "b", "c"]) {
      await at.rpc("sandbox.start", { namespace: "n", sandbox, config: python });
      await at.rpc("sandbox.stop", { namespace: "n", sandbox });
    }
    const spent = async (params: object) => {
      const before = performance.now();
      await at.rpc("sandbox.metrics.get", params);
      return performance.now() - before;
    };
    expect(await spent({ namespace: "n", sandbox: "a" })).toBeGreaterThan(3 * 40 - 5);
    expect(await spent({ namespace: "*" })).toBeGreaterThan(2 * 3 * 40 - 5);
  });
});

describe("starting and stopping", () => {
  test("two starts at once in one namespace lose one of the two", async () => {
    await using at = await devStub();
    const start = (sandbox: string) => at.rpc("sandbox.start", { namespace: "n", sandbox, config: python });
    const statuses = (await Promise.all([start("a"), start("b")])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 500]);
  });

  test("a bad entry is written before it is looked at, and spoils its namespace until it is overwritten", async () => {
    await using at = await devStub();
    const start = async (sandbox: string, config: object) =>
      (await at.rpc("sandbox.start", { namespace: "n", sandbox, config })).status;
    expect(await start("good", python)).toBe(200);
    expect(await start("bad", { ...python, volumes: [":/x"] })).toBe(500);
    expect(await start("other", python)).toBe(500);
    expect((await at.rpc("sandbox.metrics.get", { namespace: "n" })).status).toBe(500);
    expect((await at.rpc("sandbox.stop", { namespace: "n", sandbox: "good" })).status).toBe(500);
    expect(await start("bad", python)).toBe(200);
    expect((await at.rpc("sandbox.metrics.get", { namespace: "n" })).status).toBe(200);
  });

  test("a name that is started again while it runs is reached no more", async () => {
    await using at = await started("python");
    expect(await at.run("1")).toEqual(["stdout|1"]);
    await at.rpc("sandbox.start", { namespace: "n", sandbox: "s", config: python });
    const again = await at.rpc("sandbox.repl.run", { namespace: "n", sandbox: "s", language: "python", code: "1" });
    expect([again.status, again.json]).toEqual([500, serverError(5002, "Internal server error")]);
  });

  test("a sandbox is said to have stopped before it has, and its files meet the next one of its name", async () => {
    await using at = await started("python", { stopLagMs: 300 });
    await at.command("sh", ["-c", "echo left > file"]);
    expect((await at.rpc("sandbox.stop", { namespace: "n", sandbox: "s" })).status).toBe(200);
    const metrics = await at.rpc("sandbox.metrics.get", { namespace: "n", sandbox: "s" });
    expect(metrics.json).toMatchObject({ result: { sandboxes: [{ name: "s", running: false, memory_usage: null }] } });
    expect(at.stub.machines).toEqual(["n/s"]);
    while (at.stub.machines.length > 0) await Bun.sleep(10);
    await at.rpc("sandbox.start", { namespace: "n", sandbox: "s", config: python });
    expect(outputLines(await at.command("cat", ["file"]))).toEqual(["stdout|left"]);
  });

  test("a sandbox whose supervisor was killed is running for ever, without memory, and cannot be stopped", async () => {
    await using at = await started("python");
    await at.stub.kill("n/s", true);
    const metrics = await at.rpc("sandbox.metrics.get", { namespace: "n", sandbox: "s" });
    expect(metrics.json).toMatchObject({ result: { sandboxes: [{ running: true, memory_usage: null }] } });
    expect((await at.rpc("sandbox.stop", { namespace: "n", sandbox: "s" })).status).toBe(500);
  });

  test("an image that cannot be pulled, an unknown sandbox and an unknown namespace fail as the server fails", async () => {
    await using at = await started("python");
    expect((await at.rpc("sandbox.start", { namespace: "new", sandbox: "z" })).json).toEqual(
      serverError(2001, "Sandbox 'z' not found in existing configuration"),
    );
    expect((await at.rpc("sandbox.metrics.get", { namespace: "new" })).json).toMatchObject({
      result: { sandboxes: [] },
    });
    expect((await at.rpc("sandbox.start", { namespace: "n", sandbox: "x", config: { image: "no/such" } })).status).toBe(
      500,
    );
    expect((await at.rpc("sandbox.metrics.get", { namespace: "n", sandbox: "nobody" })).status).toBe(500);
    expect((await at.rpc("sandbox.metrics.get", { namespace: "*", sandbox: "nobody" })).json).toMatchObject({
      result: { sandboxes: [] },
    });
    expect((await at.rpc("sandbox.stop", { namespace: "m", sandbox: "s" })).json).toEqual(
      serverError(2001, "Namespace directory 'm' does not exist"),
    );
    expect((await at.rpc("sandbox.start", { namespace: "n", sandbox: "y" })).json).toEqual(
      serverError(2001, "Sandbox 'y' not found in existing configuration"),
    );
  });
});

describe("the Python interpreter", () => {
  test("reads programs as if they were typed", async () => {
    await using at = await started("python");
    expect(await at.run("1+1")).toEqual(["stdout|2"]);
    const unseparated = await at.run("def f():\n  return 1\nprint(f())");
    expect(unseparated.at(-1)).toBe("stderr|SyntaxError: invalid syntax");
    const cut = await at.run("def g():\n  x = 1\n\n  return x\n");
    expect(cut.at(-1)).toBe("stderr|IndentationError: unexpected indent");
    const goesOn = await at.run("1/0\nprint('still')");
    expect(goesOn).toContain("stderr|ZeroDivisionError: division by zero");
    expect(goesOn).toContain("stdout|still");
  });

  test("hangs on output without a newline, and its marker leaks", async () => {
    await using at = await started("python");
    const lines = await at.run("print('x', end='')", 1);
    expect(lines[0]).toMatch(/^stdout\|xeoe_/);
    expect(lines[1]).toBe("stderr|Error: Execution timed out after 1 seconds");
  });

  test("hangs on an open bracket", async () => {
    await using at = await started("python");
    expect((await at.run("print((1,", 1)).at(-1)).toBe("stderr|Error: Execution timed out after 1 seconds");
  });

  test("is gone after exit()", async () => {
    await using at = await started("python");
    expect((await at.run("exit()", 1)).at(-1)).toBe("stderr|Error: Execution timed out after 1 seconds");
    expect(await at.run("1", 1)).toEqual(["stderr|Error: Engine unavailable: Python process channel closed"]);
  });

  test("goes on after a timeout, and the next call gets its output", async () => {
    await using at = await started("python");
    await at.run("import time\ntime.sleep(1.3); print('late')", 1);
    expect(await at.run("2", 5)).toContain("stdout|late");
  });

  test("does one evaluation at a time, and commands beside it", async () => {
    await using at = await started("python");
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    const first = at.run("import time; time.sleep(0.4)").then(note("first"));
    const second = at.run("1").then(note("second"));
    const command = at.command("true", []).then(note("command"));
    await Promise.all([first, second, command]);
    expect(order).toEqual(["command", "first", "second"]);
  });

  test("goes on with the code of a request that was dropped", async () => {
    await using at = await started("python");
    const params = { namespace: "n", sandbox: "s", language: "python", code: "import time; time.sleep(0.2); x = 7" };
    await fetch(`${at.stub.url}/api/v1/rpc`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", method: "sandbox.repl.run", params, id: 1 }),
      signal: AbortSignal.timeout(50),
    }).catch(() => {});
    expect(await at.run("x")).toEqual(["stdout|7"]);
  });

  test("loses what comes on stderr behind the marker", async () => {
    await using at = await started("python", { loseStderr: true });
    expect(await at.run("1/0")).toEqual([]);
  });
});

describe("the Node interpreter", () => {
  test("reports errors on stdout, echoes values and drops some lines", async () => {
    await using at = await started("node");
    expect(await at.run("nope")).toEqual(["stdout|Uncaught ReferenceError: nope is not defined"]);
    expect(await at.run("6*7")).toEqual(["stdout|42"]);
    expect(await at.run("console.log(''); console.log('> a'); console.log('.. b'); console.log('c')")).toEqual([
      "stdout|c",
    ]);
    await at.run("const once = 1");
    expect(await at.run("const once = 2")).toContain(
      "stdout|Uncaught SyntaxError: Identifier 'once' has already been declared",
    );
  });

  test("hangs on an open bracket, and is gone after process.exit()", async () => {
    await using at = await started("node");
    expect((await at.run("console.log((1,", 1)).at(-1)).toBe("stderr|Error: Execution timed out after 1 seconds");
    await using other = await started("node");
    await other.run("process.exit(0)", 1);
    expect(await other.run("1", 1)).toEqual(["stderr|Error: Engine unavailable: Node process channel closed"]);
  });
});

describe("commands", () => {
  test("run without a shell, see the interpreter's files and can signal its processes", async () => {
    await using at = await started("python");
    expect((await at.command("sh", ["-c", "echo out; echo err >&2; exit 3"])).json).toMatchObject({
      result: {
        command: "sh",
        args: ["-c", "echo out; echo err >&2; exit 3"],
        exit_code: 3,
        success: false,
      },
    });
    await at.run("import os, signal, time; open('here', 'w').write('shared'); pid = os.getpid()");
    expect(outputLines(await at.command("cat", ["here"]))).toEqual(["stdout|shared"]);
    const [pid = ""] = await at.run("pid");
    const sleeping = at.run("time.sleep(30)", 20);
    await Bun.sleep(200);
    await at.command("kill", ["-INT", pid.replace("stdout|", "")]);
    expect((await sleeping).at(-1)).toBe("stderr|KeyboardInterrupt");
  });

  test("that are killed by a signal have status 1; that are not found or timed out are a 500", async () => {
    await using at = await started("python");
    expect((await at.command("sh", ["-c", "kill -9 $$"])).json).toMatchObject({ result: { exit_code: 1 } });
    expect((await at.command("nosuch", [])).json).toEqual(serverError(5002, "Internal server error"));
    expect((await at.command("sleep", ["30"], 1)).json).toEqual(serverError(5002, "Internal server error"));
  });

  test("that are timed out wait for what they have started", async () => {
    await using at = await started("python");
    const before = performance.now();
    expect((await at.command("sh", ["-c", "sleep 2.5; true"], 1)).status).toBe(500);
    expect(performance.now() - before).toBeGreaterThan(2300);
  });

  test("lose the end of their output now and then", async () => {
    await using at = await started("python");
    const outputs: string[] = [];
    for (let run = 0; run < 6; run += 1) {
      outputs.push(outputLines(await at.command("sh", ["-c", "echo a; echo b"])).join());
    }
    expect(outputs.filter((output) => output === "stdout|a,stdout|b")).toHaveLength(4);
    expect(outputs.filter((output) => output === "stdout|a")).toHaveLength(2);
  });

  test("are root, without a home, a name and a language", async () => {
    await using at = await started("python", { loseEvery: 1000 });
    const told = await at.command("sh", ["-c", 'id -u; echo "$HOME,$USER,$LANG"']);
    expect(outputLines(told)).toEqual(["stdout|0", "stdout|/,,"]);
  });

  test("pass on high exit statuses, and end at what is not UTF-8", async () => {
    await using at = await started("python", { loseEvery: 1000 });
    expect((await at.command("sh", ["-c", "exit 200"])).json).toMatchObject({ result: { exit_code: 200 } });
    const { json } = await at.command("sh", ["-c", "printf 'a\\r\\n\\377\\n'; sleep 0.2; exec seq 100000"]);
    expect(json).toMatchObject({ result: { exit_code: 1, output: [{ text: "a" }] } });
  });
});

describe("a portal", () => {
  test("that is dead is a 500 after almost two seconds, and its sandbox is called running", async () => {
    await using at = await started("python");
    at.stub.killPortal("n/s");
    const before = performance.now();
    expect((await at.command("true", [])).json).toEqual(serverError(5002, "Internal server error"));
    expect(performance.now() - before).toBeGreaterThan(1700);
    const metrics = await at.rpc("sandbox.metrics.get", { namespace: "n", sandbox: "s" });
    expect(metrics.json).toMatchObject({ result: { sandboxes: [{ running: true }] } });
  });

  test("takes two looks of 50 ms for an evaluation", async () => {
    await using at = await started("python");
    await at.run("1");
    const before = performance.now();
    await at.run("1");
    expect(performance.now() - before).toBeGreaterThan(99);
  });

  test("with one processor is locked up for ever by 20,000 lines of one evaluation, commands included", async () => {
    await using at = await started("python");
    const flooded = at.run("for i in range(20000): print(i)\n");
    await Bun.sleep(4000);
    const command = at.command("true", []);
    const silence = Bun.sleep(300).then(() => "silence");
    expect(await Promise.race([flooded, command, silence])).toBe("silence");
  }, 20_000);
});

test("nothing is left of a stub that was disposed", async () => {
  const stub = await Stub.start({ dev: true });
  await rawRpc(stub.url)("sandbox.start", { namespace: "n", sandbox: "s", config: python });
  expect(stub.machines).toEqual(["n/s"]);
  await stub[Symbol.asyncDispose]();
  expect(stub.machines).toEqual([]);
  expect(fetch(`${stub.url}/api/v1/health`)).rejects.toThrow();
});
