import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import type { Execution } from "../../src/sessions/executions/execution.ts";
import { rememberedExecutions } from "../../src/sessions/executions/executions.ts";
import { settle } from "../fakes/fake-clock.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";
import { textOf } from "./executions/spools.ts";

type Fake = ReturnType<typeof sessionsOverFake>;

const kindOf = (error: unknown) => (error instanceof Failure ? error.kind : String(error));

/** Starts it, and lets it go on after a second. */
async function leave(s: Fake, source: string, more: Parameters<Fake["run"]>[1] = {}) {
  const running = s.runFor(1000, source, { kind: "command", ...more });
  await s.clock.advance(1000);
  const left = await running;
  if (left.status !== "running") throw new Error(`it has ended: ${left.outcome.stdout}`);
  const { executionId } = left.execution;
  return { left, sessionId: left.session.sessionId, execution: s.sessions.execution("alice", executionId) };
}

function endedOf(execution: Execution) {
  const { end } = execution;
  if (end === undefined) return undefined;
  return "failure" in end ? end.failure.kind : end.outcome.ended;
}

describe("a run that is not over when its caller will not wait any longer", () => {
  test("goes on, and is told with what it has written so far", async () => {
    await using s = sessionsOverFake();
    const { left, execution } = await leave(s, "print before\nforever");
    expect(left).toMatchObject({ status: "running", created: true, left: { status: "running", waitedMs: 1000 } });
    expect(left.left.stdout.text).toBe("before\n");
    expect(left.session.status).toBe("busy");
    expect([execution.status, endedOf(execution)]).toEqual(["running", undefined]);
  });

  test("that ends sooner is told as ended, and the wait leaves no timer", async () => {
    await using s = sessionsOverFake();
    await s.run("print");
    const idle = s.clock.sleeping;
    const ran = await s.runFor(1000, "print here", { sessionId: s.sessions.list("alice")[0]?.sessionId });
    expect(ran).toMatchObject({ status: "ended", outcome: { stdout: "here\n", success: true } });
    expect(s.clock.sleeping).toBe(idle);
  });

  test("is started and told at once by a wait of 0", async () => {
    await using s = sessionsOverFake();
    const running = s.runFor(0, "forever");
    await s.clock.advance(0);
    expect(await running).toMatchObject({ status: "running" });
  });

  test("is not ended by its caller's leaving, but before that it is", async () => {
    await using s = sessionsOverFake();
    const leaving = new AbortController();
    const { execution } = await leave(s, "forever", { signal: leaving.signal });
    leaving.abort();
    await settle();
    expect(execution.status).toBe("running");
    const sooner = new AbortController();
    const canceled = s.runFor(1000, "forever", { signal: sooner.signal });
    await settle();
    sooner.abort();
    expect(await canceled).toMatchObject({ status: "ended", outcome: { ended: "canceled" } });
  });

  test("still has its timeout", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "print on\nforever", { timeoutMs: 5000 });
    await s.clock.advance(4000);
    await execution.settled;
    expect(endedOf(execution)).toBe("timed_out");
    expect(await textOf(execution.output.spool, "stdout")).toBe("on\n");
  });

  test("whose sandbox still boots is told as queued, and runs when that is there", async () => {
    await using s = sessionsOverFake();
    s.host.holdBoots();
    const { left, execution } = await leave(s, "print up");
    expect([left.left.status, left.session.status]).toEqual(["queued", "starting"]);
    s.host.releaseBoots();
    await execution.settled;
    expect(await textOf(execution.output.spool, "stdout")).toBe("up\n");
  });

  test("and opens its session runs before all that comes to that while it boots, however much that is", async () => {
    await using s = sessionsOverFake({ maxQueuedExecutions: 2 });
    s.host.holdBoots();
    const { sessionId, execution } = await leave(s, "set x 1");
    const later = [s.run("get x", { sessionId }), s.run("get x", { sessionId })];
    await settle();
    s.host.releaseBoots();
    expect((await Promise.all(later)).map(({ outcome }) => outcome.stdout)).toEqual(["1\n", "1\n"]);
    await execution.settled;
    expect(endedOf(execution)).toBe("exited");
  });

  test("whose sandbox never boots, or is lost under it, is told as failed", async () => {
    await using s = sessionsOverFake();
    s.host.holdBoots();
    const { execution: never } = await leave(s, "print up");
    await s.clock.advance(30_000);
    s.host.releaseBoots();
    await never.settled;
    expect(endedOf(never)).toBe("sandbox_creation");
    const { execution: lost } = await leave(s, "forever");
    s.host.booted.at(-1)?.lose("the machine went away");
    await lost.settled;
    expect(endedOf(lost)).toBe("command_execution");
  });
});

describe("a session with a run that was left running", () => {
  test("runs commands beside it, and code beside a command", async () => {
    await using s = sessionsOverFake();
    const { sessionId, execution } = await leave(s, "forever");
    expect((await s.run("print beside", { sessionId, kind: "command" })).outcome.stdout).toBe("beside\n");
    expect((await s.run("print code", { sessionId })).outcome.stdout).toBe("code\n");
    expect(execution.status).toBe("running");
    expect(s.sessions.list("alice")[0]?.status).toBe("busy");
  });

  test("lets code wait for code, says for which, and lets commands pass", async () => {
    await using s = sessionsOverFake();
    const { sessionId, execution: first } = await leave(s, "forever", { kind: "code" });
    const { left, execution: second } = await leave(s, "print second", { kind: "code", sessionId });
    expect(left.left).toMatchObject({ status: "queued", waitsFor: expect.stringContaining(first.id) });
    expect((await s.run("print passed", { sessionId, kind: "command" })).outcome.stdout).toBe("passed\n");
    first.cancel();
    await second.settled;
    expect(await textOf(second.output.spool, "stdout")).toBe("second\n");
  });

  test("is neither expired nor evicted, and its time runs from the end of the run", async () => {
    await using s = sessionsOverFake({ maxSessions: 1, executionTimeoutMs: 1_000_000 });
    const { sessionId, execution } = await leave(s, "forever");
    await s.clock.advance(200_000);
    expect(s.sessions.list("alice")).toHaveLength(1);
    expect(kindOf(await s.run("print", {}).catch((error: unknown) => error))).toBe("limit_reached");
    execution.cancel();
    await execution.settled;
    await s.clock.advance(59_000);
    expect(s.sessions.list("alice")).toMatchObject([{ sessionId, status: "ready" }]);
    await s.clock.advance(20_000);
    expect(s.sessions.list("alice")).toEqual([]);
  });

  test("may have so many of them, and the server so many in all: one more is ended, and no call that ends by itself is refused", async () => {
    await using s = sessionsOverFake({ maxLeftRunning: 2, maxLeftRunningInAll: 3 });
    const { sessionId } = await leave(s, "forever");
    await leave(s, "forever", { sessionId });
    const refused = async (waitMs: number, more: object) => {
      const running = s.runFor(waitMs, "forever", { kind: "command", ...more }).catch((error: unknown) => error);
      await s.clock.advance(waitMs);
      return String(await running);
    };
    for (const waitMs of [0, 1000]) {
      const told = await refused(waitMs, { sessionId });
      expect(told).toContain(`no more than 2 may be left running in ${sessionId}`);
      expect(told).toContain("control_execution");
    }
    expect((await s.run("print beside", { sessionId, kind: "command" })).outcome.stdout).toBe("beside\n");
    await leave(s, "forever");
    for (const waitMs of [0, 1000]) {
      expect(await refused(waitMs, {})).toContain("no more than 3 may be left running on this server");
    }
    expect((await s.run("print elsewhere", { principal: "bob" })).outcome.stdout).toBe("elsewhere\n");
    const on = s.sessions.list("alice").flatMap(({ sessionId }) => s.sessions.executionsOf(sessionId));
    expect(on.filter(({ status }) => status !== "ended")).toHaveLength(3);
  });

  test("may have so many of one principal's, and others are left room", async () => {
    await using s = sessionsOverFake({ maxLeftRunningInAll: 4, maxLeftRunningPerPrincipal: 2 });
    const { execution } = await leave(s, "forever");
    await leave(s, "forever");
    for (const waitMs of [0, 1000]) {
      const running = s.runFor(waitMs, "forever", { kind: "command" }).catch((error: unknown) => String(error));
      await s.clock.advance(waitMs);
      expect(await running).toContain("no more than 2 may be left running in all sessions of yours");
    }
    const bobs = s.runFor(0, "forever", { principal: "bob" });
    await s.clock.advance(0);
    expect(await bobs).toMatchObject({ status: "running" });
    execution.cancel();
    await execution.settled;
    await leave(s, "forever");
  });

  test("may not have more of them by calls that come at once", async () => {
    await using s = sessionsOverFake({ maxLeftRunning: 2, maxLeftRunningInAll: 100, maxQueuedExecutions: 50 });
    const { sessionId } = (await s.run("print")).session;
    const calls = Array.from({ length: 10 }, () => s.runFor(0, "forever", { kind: "command", sessionId }));
    const settled = Promise.allSettled(calls);
    for (let turn = 0; turn < 20; turn++) await s.clock.advance(0);
    expect((await settled).filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  test("cancels it when it is stopped, and nothing of its output stays", async () => {
    await using s = sessionsOverFake();
    const { sessionId, execution } = await leave(s, "print here\nforever");
    expect(await s.sessions.stop("alice", sessionId)).toEqual({ stopped: true });
    await execution.settled;
    expect(endedOf(execution)).toBe("canceled");
    const gone = () => s.sessions.execution("alice", execution.id);
    expect(gone).toThrow("is forgotten");
    expect(execution.output.spool.isDropped).toBe(true);
  });

  test("is drained with it: a shutdown waits for it as for any run", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "forever");
    let isDrained = false;
    void s.sessions.drain().then(() => {
      isDrained = true;
    });
    await settle();
    expect(isDrained).toBe(false);
    execution.cancel();
    await execution.settled;
    await settle();
    expect(isDrained).toBe(true);
  });
});

describe("an execution's id", () => {
  test("is known to its principal alone", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "forever");
    expect(() => s.sessions.execution("bob", execution.id)).toThrow("is forgotten");
  });

  test("is told as mistyped, of elsewhere, or none at all", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "forever");
    const mistyped = `${execution.id.slice(0, -1)}${execution.id.endsWith("0") ? "1" : "0"}`;
    expect(() => s.sessions.execution("alice", mistyped)).toThrow("check digits do not fit");
    expect(() => s.sessions.execution("alice", "execution-1")).toThrow("there is no execution");
  });

  test(`is remembered for the last ${rememberedExecutions} that have ended, and longer while it is on`, async () => {
    await using s = sessionsOverFake();
    const { sessionId, execution } = await leave(s, "forever");
    const first = await s.run("print first", { sessionId, kind: "command" });
    for (let at = 0; at < rememberedExecutions; at++) await s.run("print", { sessionId, kind: "command" });
    expect(() => s.sessions.execution("alice", first.execution.executionId)).toThrow("is forgotten");
    expect(s.sessions.execution("alice", execution.id)).toBe(execution);
    expect(s.sessions.executionsOf(sessionId).length).toBe(rememberedExecutions);
  });
});

describe("a run that is on", () => {
  test("gets what is written to its open stdin, and tells why it cannot", async () => {
    await using s = sessionsOverFake();
    const { execution, sessionId } = await leave(s, "ask\nprint thanks", { stdin: "open" });
    await execution.input("Ada\n");
    await execution.settled;
    expect(await textOf(execution.output.spool, "stdout")).toContain("Ada");
    await expect(execution.input("more")).rejects.toThrow("it has ended");
    const { execution: empty } = await leave(s, "forever", { sessionId });
    await expect(empty.input("x")).rejects.toThrow("stdin: true");
    await expect(empty.input(undefined, true)).rejects.toThrow("stdin: true");
  });

  test("gets signals, and ends by them as its program does", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "forever");
    execution.send("terminate");
    await execution.settled;
    expect(endedOf(execution)).toBe("signaled");
    expect(() => execution.send("kill")).toThrow("it has ended");
  });

  test("that is still queued is canceled by any signal", async () => {
    await using s = sessionsOverFake();
    s.host.holdBoots();
    const { execution } = await leave(s, "print never");
    execution.send("interrupt");
    await execution.settled;
    expect(endedOf(execution)).toBe("canceled");
    s.host.releaseBoots();
  });

  test("tells whoever waits for it of its next output, and of its end", async () => {
    await using s = sessionsOverFake();
    const { execution } = await leave(s, "print one\nask\nprint two\nforever", { stdin: "open" });
    const never = new AbortController().signal;
    const before = execution.output.spool.counts.all;
    const isNews = () => execution.output.spool.counts.all > before;
    const waiting = s.sessions.waitFor(execution, isNews, 10_000, never);
    await execution.input("\n");
    await waiting;
    expect(isNews()).toBe(true);
    const toTheEnd = s.sessions.waitFor(execution, () => false, 10_000, never);
    execution.cancel();
    await toTheEnd;
    expect(execution.status).toBe("ended");
    const { execution: other } = await leave(s, "forever");
    const tooLong = s.sessions.waitFor(other, () => false, 10_000, never);
    await s.clock.advance(10_000);
    await tooLong;
    expect(other.status).toBe("running");
  });
});

describe("what an execution has left behind in the background", () => {
  test("writes into its output, and the next result of the session says so once", async () => {
    await using s = sessionsOverFake();
    const { execution, session } = await s.run("print now\nlater 3 late", { kind: "command" });
    const { sessionId } = session;
    const { executionId } = execution;
    const of = s.sessions.execution("alice", executionId);
    while ((await textOf(of.output.spool, "stdout")).split("\n").length < 5) await settle();
    const text = await textOf(of.output.spool, "stdout");
    expect(text).toStartWith("now\n");
    const next = await s.run("print", { sessionId });
    expect(next.late).toEqual([{ executionId, bytes: text.length - 4, offset: 4 }]);
    expect((await s.run("print", { sessionId })).late).toEqual([]);
  });

  test("is that of the code that ran last, where an interpreter prints between two runs", async () => {
    await using s = sessionsOverFake();
    const first = await s.run("print first");
    const { sessionId } = first.session;
    const second = await s.run("print second", { sessionId });
    await s.run("print command", { sessionId, kind: "command" });
    s.host.requested[0]?.onBackground?.("stderr", new TextEncoder().encode("Server started\n"));
    const { executionId } = second.execution;
    expect(await textOf(s.sessions.execution("alice", executionId).output.spool, "stderr")).toBe("Server started\n");
    expect((await s.run("print", { sessionId })).late).toEqual([{ executionId, bytes: 15, offset: 7 }]);
  });

  test("is bounded as its output is, and what is lost is counted", async () => {
    await using s = sessionsOverFake({ maxKeptOutputBytes: 10_000 });
    const { execution } = await s.run("print first");
    const { spool } = s.sessions.execution("alice", execution.executionId).output;
    const line = new TextEncoder().encode("x".repeat(1000));
    for (let at = 0; at < 20; at++) s.host.requested[0]?.onBackground?.("stdout", line);
    expect([spool.counts.all, spool.missing]).toEqual([9006, { why: "limit", bytes: 11_000 }]);
  });
});

describe("a session in which something was left running that does nothing", () => {
  const silent = async (cpuMs: number | null) => {
    const s = sessionsOverFake({ executionTimeoutMs: 10_000_000 });
    const { execution, sessionId } = await leave(s, "print up\nask\nforever", { stdin: "open" });
    const sandbox = s.host.booted[0];
    if (sandbox === undefined) throw new Error("nothing has booted");
    sandbox.cpuMs = cpuMs;
    /** In steps, as the reaper looks. */
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 5) await s.clock.advance(5000);
    };
    return { s, execution, sessionId, sandbox, pass };
  };

  test("expires when its time is over, and says why", async () => {
    const { s, execution, sessionId, pass } = await silent(120);
    await using _ = s;
    await pass(60);
    expect(execution.status).toBe("running");
    await pass(30);
    await execution.settled;
    const told = String(await s.run("print", { sessionId }).catch((error: unknown) => error));
    expect(told).toContain("expired");
    expect(told).toContain("what was left running in it had done nothing for 1 min");
  });

  test("stays while it works, writes, or is asked for, and where nobody knows", async () => {
    const works = await silent(0);
    const writes = await silent(0);
    const isAsked = await silent(0);
    const unknown = await silent(null);
    await using _ = works.s;
    await using __ = writes.s;
    await using ___ = isAsked.s;
    await using ____ = unknown.s;
    for (let round = 0; round < 8; round++) {
      works.sandbox.cpuMs = (works.sandbox.cpuMs ?? 0) + 5000;
      writes.execution.write("stdout", new TextEncoder().encode("."));
      isAsked.s.sessions.execution("alice", isAsked.execution.id);
      for (const { pass } of [works, writes, isAsked, unknown]) await pass(40);
    }
    const states = [works, writes, isAsked, unknown].map(({ execution }) => execution.status);
    expect(states).toEqual(["running", "running", "running", "running"]);
  });
});
