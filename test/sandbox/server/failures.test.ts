// What goes wrong with a server, and how it is told. On a stub, because it has to go wrong.

import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../src/failure.ts";
import type { Fault } from "../../stub-microsandbox/faults.ts";
import { arena, keyOf, makeHost, never, ran, resources, templateOf } from "./servers.ts";

const spec = () => ({ sessionId: `session-${crypto.randomUUID()}`, template: templateOf("python"), resources });
const serverKey = "k".repeat(32);

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error: unknown = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error && error.name === "Failure") return error as Failure;
  throw error;
}

describe("a server that is not there", () => {
  test("is a connection error with the URL, without the credentials in it, and with what to check", async () => {
    await using at = await arena();
    const url = at.stub.url.replace("http://", "http://somebody:secret@");
    await at.stub.refuse();
    await using host = makeHost({ url });
    const failure = await failureOf(host.create(spec(), never));
    expect(failure.kind).toBe("connection");
    expect(failure.message).toContain(at.stub.url);
    expect(failure.message).toContain("MSB_SERVER_URL");
    expect(failure.message).not.toContain("secret");
    const health = await host.health(never);
    expect(health).toMatchObject({ ok: false });
    expect(JSON.stringify(health)).not.toContain("secret");
  });

  test("is healthy again as soon as it is back", async () => {
    await using at = await arena();
    expect(await at.host.health(never)).toEqual({ ok: true });
    await at.stub.refuse();
    expect((await at.host.health(never)).ok).toBe(false);
    at.stub.accept();
    expect(await at.host.health(never)).toEqual({ ok: true });
  });

  test("in mid-run and back in time costs a run nothing", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    const running = ran(sandbox, "code", "import time\nfor i in range(8):\n  print(i, flush=True); time.sleep(0.1)", {
      onOutput: (text) => {
        if (text.includes("2")) void at.stub.refuse().then(() => setTimeout(() => at.stub.accept(), 300));
      },
    });
    expect(await running).toMatchObject({
      stdout: "0\n1\n2\n3\n4\n5\n6\n7\n",
      end: { ended: "exited", success: true },
    });
  });

  test("in mid-run and for good is a connection error in bounded time, and the session is lost", async () => {
    await using at = await arena({}, { patienceMs: 600 });
    const sandbox = await at.create();
    const failure = await failureOf(
      ran(sandbox, "code", "import time\nprint(1, flush=True)\ntime.sleep(60)", {
        onOutput: () => void at.stub.refuse(),
      }),
    );
    expect(failure.kind).toBe("connection");
    expect(await sandbox.lost).toContain("cannot be reached");
    expect((await failureOf(ran(sandbox, "command", "true"))).kind).toBe("connection");
    at.stub.accept();
    await sandbox[Symbol.asyncDispose]();
    await using next = await at.create();
    expect((await ran(next, "code", "1")).stdout).toBe("1\n");
  });

  test("when this process ends is warned of, and the end comes all the same", async () => {
    await using at = await arena();
    const sandbox = await at.create();
    await at.stub.refuse();
    const gone = sandbox[Symbol.asyncDispose]();
    await at.host[Symbol.asyncDispose]();
    await gone;
    expect(at.events).toEqual([
      { type: "server.warning", message: expect.stringContaining(keyOf(sandbox).split("/")[1] ?? "") },
    ]);
    at.stub.accept();
  }, 40_000);
});

describe("a server that refuses the key", () => {
  const withKey = async (apiKey: string | null) => {
    const at = await arena({ dev: false, key: serverKey });
    return { at, host: makeHost({ url: at.stub.url, apiKey }) };
  };

  test("is a configuration error that says which key is missing, expired, invalid or too narrow", async () => {
    await using at = await arena({ dev: false, key: serverKey });
    const refusal = async (apiKey: string | null) => {
      await using host = makeHost({ url: at.stub.url, apiKey });
      const health = await host.health(never);
      const failure = await failureOf(host.create(spec(), never));
      expect([failure.kind, health.ok]).toEqual(["configuration", false]);
      expect(failure.message).toContain("msb server keygen");
      return failure.message;
    };
    expect(await refusal(null)).toContain("MSB_API_KEY is not set");
    expect(await refusal(await at.stub.apiKey({ lifeSeconds: -60 }))).toContain("expired at 20");
    const forged = "msb_eyJhbGciOiJIUzI1NiJ9.eyJuYW1lc3BhY2UiOiIqIn0.c2lnbmF0dXJl";
    const invalid = await refusal(forged);
    expect(invalid).toContain("invalid or expired");
    expect(invalid).not.toContain(forged);
  });

  test("is not met with a key for one namespace, which is then used", async () => {
    await using at = await arena({ dev: false, key: serverKey });
    await using host = makeHost({ url: at.stub.url, apiKey: await at.stub.apiKey({ namespace: "team" }) });
    expect(await host.health(never)).toEqual({ ok: true });
    await using sandbox = await host.create(spec(), never);
    expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
  });

  test("in the middle of a session loses the session with a configuration error", async () => {
    const { at, host } = await withKey(null);
    await using _at = at;
    await host[Symbol.asyncDispose]();
    await using short = makeHost({ url: at.stub.url, apiKey: await at.stub.apiKey({ lifeSeconds: 8 }) });
    const sandbox = await short.create(spec(), never);
    await Bun.sleep(8500);
    const failure = await failureOf(ran(sandbox, "code", "1"));
    expect(failure.kind).toBe("configuration");
    expect(failure.message).toContain("expired at 20");
    expect(await sandbox.lost).toContain("API key");
  });
});

describe("a server that speaks wrongly", () => {
  const everyStart = async (fault: Fault, startTimeoutMs = 3000) => {
    await using at = await arena({}, { startTimeoutMs });
    at.stub.faults.set([fault]);
    const failure = await failureOf(at.create());
    at.stub.faults.set([]);
    await at.host[Symbol.asyncDispose]();
    for (let look = 0; at.stub.machines.length > 0 && look < 6000; look += 1) await Bun.sleep(10);
    expect(at.stub.machines).toEqual([]);
    return failure;
  };

  test("is named with the call and with what is wrong with the answer", async () => {
    const noJson = await everyStart({ kind: "wrong_json", method: "sandbox.start" });
    expect([noJson.kind, noJson.message]).toEqual([
      "connection",
      expect.stringContaining("to sandbox.start, it is not JSON"),
    ]);
    const noShape = await everyStart({ kind: "wrong_shape", method: "sandbox.start" });
    expect([noShape.kind, noShape.message]).toEqual([
      "connection",
      expect.stringContaining("the answer to sandbox.start has /: Expected string"),
    ]);
  });

  test("is a connection error if its answer breaks off or does not come", async () => {
    expect((await everyStart({ kind: "half", method: "sandbox.start" })).kind).toBe("connection");
    const late = await everyStart({ kind: "hang", method: "sandbox.start" }, 400);
    expect([late.kind, late.message]).toEqual(["sandbox_creation", expect.stringContaining("within 0.4 seconds")]);
  });

  test("in mid-run, once, costs a run nothing; for good, it is named and the session is lost", async () => {
    await using at = await arena();
    await using sandbox = await at.create();
    at.stub.faults.set([{ kind: "wrong_shape", method: "sandbox.repl.run", times: 1 }]);
    expect((await ran(sandbox, "code", "1")).stdout).toBe("1\n");
    at.stub.faults.set([{ kind: "wrong_json", method: "sandbox.repl.run" }]);
    const failure = await failureOf(ran(sandbox, "code", "1"));
    expect([failure.kind, failure.message]).toEqual([
      "connection",
      expect.stringContaining("to sandbox.repl.run, it is not JSON"),
    ]);
    expect(await sandbox.lost).toContain("cannot be understood");
  });

  test("in answer to health is told as the reason", async () => {
    await using at = await arena();
    at.stub.faults.set([{ kind: "wrong_json", method: "sandbox.metrics.get" }]);
    expect(await at.host.health(never)).toEqual({ ok: false, reason: expect.stringContaining("it is not JSON") });
  });
});

describe("a start that fails", () => {
  test("is told with what could be found out, and leaves nothing", async () => {
    await using at = await arena();
    const template = { ...templateOf("python"), serverImage: "nobody/nothing" };
    const failure = await failureOf(at.host.create({ ...spec(), template }, never));
    expect(failure.kind).toBe("sandbox_creation");
    expect(failure.message).toContain("nobody/nothing");
    expect(failure.message).toContain("the image may not exist");
    expect(at.stub.machines).toEqual([]);
  });

  test("because its sandbox dies while it boots is told so before the start timeout", async () => {
    await using at = await arena({ portalDelayMs: 60_000 });
    at.stub.faults.set([{ kind: "die", method: "sandbox.start", afterMs: 500 }]);
    const failure = await failureOf(at.create());
    expect([failure.kind, failure.message]).toEqual([
      "sandbox_creation",
      expect.stringContaining("ended while it was booting"),
    ]);
  });

  test("every third time leaves the other sandboxes as they are, and none behind", async () => {
    await using at = await arena();
    at.stub.faults.set([{ kind: "error", method: "sandbox.start", every: 3 }]);
    const boots = await Promise.allSettled(Array.from({ length: 12 }, () => at.create()));
    const failed = boots.filter((boot) => boot.status === "rejected").map(({ reason }) => reason);
    const made = boots.filter((boot) => boot.status === "fulfilled").map(({ value }) => value);
    expect(failed.map(({ kind }) => kind)).toEqual(Array.from({ length: 4 }, () => "sandbox_creation"));
    expect(new Set(at.stub.machines)).toEqual(new Set(made.map(keyOf)));
    const answers = await Promise.all(made.map((sandbox, index) => ran(sandbox, "code", `${index}`)));
    expect(answers.map(({ stdout }) => stdout)).toEqual(made.map((_, index) => `${index}\n`));
  }, 60_000);
});

describe("a sandbox that dies underneath", () => {
  for (const stale of [false, true]) {
    test(`in mid-run fails the run and is lost${stale ? ", also if the server calls it running" : ""}`, async () => {
      await using at = await arena();
      const sandbox = await at.create();
      const failure = await failureOf(
        ran(sandbox, "code", "import time\nprint(1, flush=True)\ntime.sleep(60)", {
          onOutput: () => void at.stub.kill(keyOf(sandbox), stale),
        }),
      );
      expect(failure.kind).toBe("code_execution");
      expect(await sandbox.lost).toContain("ended underneath");
      expect((await failureOf(ran(sandbox, "command", "true"))).kind).toBe("command_execution");
    });

    test(`between runs is noticed without one${stale ? ", also if the server calls it running" : ""}`, async () => {
      await using at = await arena({}, { watchIntervalMs: 100 });
      const sandbox = await at.create();
      await at.stub.kill(keyOf(sandbox), stale);
      expect(await sandbox.lost).toContain("ended underneath");
    });
  }

  test("inside, because its portal is killed, is lost although the server calls it running", async () => {
    await using at = await arena();
    const sandbox = await at.create();
    at.stub.killPortal(keyOf(sandbox));
    const failure = await failureOf(ran(sandbox, "code", "1"));
    expect([failure.kind, await sandbox.lost]).toEqual(["code_execution", "its portal does not answer"]);
  });

  test("inside, because its programs are killed, is lost in bounded time", async () => {
    await using at = await arena();
    const sandbox = await at.create();
    await failureOf(ran(sandbox, "command", "pkill -9 sandbox-relay; sleep 5"));
    expect(await sandbox.lost).toContain("was killed");
  });
});
