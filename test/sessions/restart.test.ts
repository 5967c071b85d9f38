// What a restart keeps, and what it says of the rest.

import { describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Execution } from "../../src/sessions/executions/execution.ts";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { type Process, Restarts } from "../fakes/restarts.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";
import { textOf } from "./executions/spools.ts";

describe("a server that was killed and started again, where sandboxes outlive it", () => {
  test("goes on with its sessions: state, owner, template, flavor, times and count", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    const { session } = await before.run("set x 42", { template: "node", flavor: "medium" });
    const { sessionId } = session;
    await before.clock.advance(5000);
    await before.run("get x", { sessionId });
    await before.clock.advance(2000);
    const [listed] = before.sessions.list("alice");
    restarts.kill();
    const after = restarts.start();
    await settle();
    expect(after.sessions.list("alice")).toEqual(listed === undefined ? [] : [listed]);
    expect(after.sessions.list("bob")).toEqual([]);
    expect((await after.run("get x", { sessionId })).outcome.stdout).toBe("42\n");
    expect((await failureOf(after.run("get x", { sessionId, flavor: "large" }))).kind).toBe("invalid_arguments");
    expect((await failureOf(after.run("get x", { sessionId, principal: "bob" }))).kind).toBe("session_not_found");
    expect(after.host.booted.length).toBe(1);
    expect(after.events).toContainEqual(expect.objectContaining({ type: "sandbox.adopted", sessionId }));
  });

  test("does not wait for its sandboxes at the start: sessions are starting until then, and calls wait", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("set x 1")).session;
    restarts.kill();
    restarts.world.isSilent = true;
    const after = restarts.start();
    const waiting = after.run("get x", { sessionId });
    await settle();
    expect(after.sessions.list("alice").map(({ status }) => status)).toEqual(["starting"]);
    restarts.world.isSilent = false;
    await after.clock.advance(5000);
    expect((await waiting).outcome.stdout).toBe("1\n");
  });

  test("counts its sessions' places from the first moment on", async () => {
    await using restarts = new Restarts();
    const limits = { maxSessions: 2, enableLruEviction: false };
    const before = restarts.start(limits);
    await Promise.all([before.run("print"), before.run("print")]);
    restarts.kill();
    restarts.world.isSilent = true;
    const after = restarts.start(limits);
    expect((await failureOf(after.run("print"))).kind).toBe("limit_reached");
    restarts.world.isSilent = false;
  });

  test("tells a session lost whose sandbox did not outlive it", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print")).session;
    restarts.kill();
    restarts.world.machines.clear();
    const after = restarts.start();
    await settle();
    await after.clock.advance(60_000);
    const failure = await failureOf(after.run("print", { sessionId }));
    expect(failure.message).toStartWith(
      `Session not found: ${sessionId} was lost 1 minute ago (the server was restarted, and its sandbox did not outlive that).`,
    );
    expect(after.admission.usage.places).toBe(0);
  });

  test("tells a session lost whose sandbox cannot be taken over, and ends that", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print")).session;
    restarts.kill();
    for (const name of restarts.world.machines.keys()) restarts.world.stubborn.add(name);
    const after = restarts.start();
    await settle();
    expect(restarts.world.machines.size).toBe(0);
    expect((await failureOf(after.run("print", { sessionId }))).message).toContain("could not be taken over");
    expect(after.admission.usage.places).toBe(0);
  });

  test("tells a session lost whose sandbox cannot be asked after, and ends it as an orphan once it can", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print")).session;
    restarts.kill();
    restarts.world.isSilent = true;
    const after = restarts.start({ startTimeoutMs: 30_000, sessionTimeoutMs: 3_600_000 });
    const waiting = failureOf(after.run("print", { sessionId }));
    await after.clock.advance(31_000);
    expect((await waiting).message).toContain("could not be asked after");
    restarts.world.isSilent = false;
    await after.clock.advance(600_000);
    expect(restarts.world.machines.size).toBe(0);
  });

  test("does not bring back what was stopped, evicted or expired, and says which it was", async () => {
    await using restarts = new Restarts();
    const before = restarts.start({ maxSessions: 2, cleanupIntervalMs: 59_999 });
    const open = async () => {
      await before.clock.advance(1000);
      return (await before.run("print")).session.sessionId;
    };
    const [evicted, stopped] = [await open(), await open()];
    const expired = await open();
    await before.sessions.stop("alice", stopped);
    const kept = await open();
    await before.clock.advance(40_000);
    await before.run("print", { sessionId: kept });
    await before.clock.advance(2000);
    restarts.kill();
    restarts.pass(30_000);
    const after = restarts.start({ maxSessions: 2 });
    await settle();
    const reasonOf = async (sessionId: string) => (await failureOf(after.run("print", { sessionId }))).context.reason;
    expect(await Promise.all([evicted, stopped, expired].map(reasonOf))).toEqual(["evicted", "stopped", "expired"]);
    expect(after.sessions.list("alice").map(({ sessionId }) => sessionId)).toEqual([kept]);
    // The expired one's sandbox was still there, and nobody's: it is ended without a grace period.
    expect(restarts.world.machines.size).toBe(1);
  });

  test("finds a session in the ledger however soon after its id was answered it is killed", async () => {
    for (const reopen of [false, true]) {
      await using restarts = new Restarts();
      const before = restarts.start();
      before.host.holdBoots();
      const opening = before.run("print").catch(() => undefined);
      await settle();
      const sessionId = before.sessions.list("alice")[0]?.sessionId ?? "";
      if (reopen) {
        before.host.releaseBoots();
        await opening;
      }
      restarts.kill();
      const after = restarts.start();
      await settle();
      if (reopen) expect((await after.run("print", { sessionId })).created).toBe(false);
      else expect((await failureOf(after.run("print", { sessionId }))).message).toContain("before it was ready");
      await after.clock.advance(50_000);
      expect(restarts.world.machines.size).toBe(reopen ? 1 : 0);
    }
  });

  test("can stop a session that it is still taking over", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print")).session;
    restarts.kill();
    restarts.world.isSilent = true;
    const after = restarts.start();
    const stopping = after.sessions.stop("alice", sessionId);
    restarts.world.isSilent = false;
    await after.clock.advance(5000);
    expect(await stopping).toEqual({ stopped: true });
    expect(restarts.world.machines.size).toBe(0);
  });

  test("that is stopped in the middle of it leaves nothing", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    await Promise.all([before.run("print"), before.run("print")]);
    restarts.kill();
    const after = restarts.start();
    after.host.holdBoots();
    await settle();
    const closing = restarts.stop();
    await settle();
    after.host.releaseBoots();
    await closing;
    expect([restarts.world.machines.size, after.admission.usage.places, after.clock.sleeping]).toEqual([0, 0, 0]);
  });

  test("tells a session lost whose template it does not have any more", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print", { template: "node" })).session;
    restarts.kill();
    const after = restarts.start({}, { templates: [] });
    await settle();
    expect((await failureOf(after.run("print", { sessionId }))).message).toContain("without the template node");
    expect(restarts.world.machines.size).toBe(0);
  });
});

describe("a server that was started again, where sandboxes end with it", () => {
  test("tells of each session that it was lost in a restart", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start({}, { survive: false }).run("print")).session;
    restarts.kill();
    const after = restarts.start({}, { survive: false });
    const failure = await failureOf(after.run("print", { sessionId }));
    expect(failure.message).toStartWith(
      `Session not found: ${sessionId} was lost 0 seconds ago (the server was restarted).`,
    );
    expect(failure.context).toMatchObject({ session_id: sessionId, reason: "lost" });
    expect(after.sessions.list("alice")).toEqual([]);
    expect((await failureOf(after.run("print", { sessionId, principal: "bob" }))).message).toContain(
      "there is no session",
    );
  });

  test("tells of each session that a shutdown ended it", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start({}, { survive: false }).run("print")).session;
    await restarts.stop();
    const failure = await failureOf(restarts.start({}, { survive: false }).run("print", { sessionId }));
    expect(failure.message).toContain("was ended by a shutdown of the server");
  });

  test("remembers endings for a day, over restarts, and no longer", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("print")).session;
    await restarts.current.sessions.stop("alice", sessionId);
    restarts.kill();
    restarts.pass(23 * 3_600_000);
    const reason = async () => (await failureOf(restarts.current.run("print", { sessionId }))).context.reason;
    restarts.start();
    expect(await reason()).toBe("stopped");
    await restarts.current.clock.advance(3_600_001);
    expect(await reason()).toBe("unknown");
    restarts.kill();
    restarts.start();
    expect(await reason()).toBe("unknown");
  });
});

describe("a clock that is set", () => {
  test("back an hour while the server is down ages no session, and is told", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("set x 1")).session;
    await restarts.current.clock.advance(2000);
    restarts.kill();
    restarts.pass(-3_600_000);
    const after = restarts.start();
    await settle();
    expect(after.events).toContainEqual({
      type: "server.warning",
      message: expect.stringContaining("The clock is 60 minutes behind"),
    });
    const [listed] = after.sessions.list("alice");
    expect(listed?.expiresAt).toBe(after.clock.now() + 60_000);
    expect((await after.run("get x", { sessionId })).outcome.stdout).toBe("1\n");
  });

  test.each([-3_600_000, 3_600_000])("by %d ms while the server runs makes no session older or younger", async (ms) => {
    await using restarts = new Restarts();
    const { clock, run, sessions, host } = restarts.start();
    await run("print");
    await clock.advance(30_000);
    clock.setForward(ms);
    await clock.advance(20_000);
    expect(sessions.list("alice").length).toBe(1);
    expect(sessions.list("alice")[0]?.expiresAt).toBe(clock.now() + 10_000);
    await clock.advance(20_000);
    expect(host.live.size).toBe(0);
  });
});

describe("executions of a server that was killed and started again", () => {
  const left = async (process: Process, source: string, more: object = {}) => {
    const running = process.runFor(1000, source, { kind: "command", ...more });
    await process.clock.advance(1000);
    return (await running).execution.executionId;
  };
  const endOf = (execution: Execution) => {
    const { end } = execution;
    return end !== undefined && "outcome" in end ? end.outcome.ended : end?.failure.what;
  };

  test("that had ended after they were left running are told as they ended, with their output", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    const id = await left(before, "print one\nask\nprint two\nexit 3", { stdin: "open" });
    const execution = before.sessions.execution("alice", id);
    await execution.input("\n");
    await execution.settled;
    const text = await textOf(execution.output.spool, "all");
    restarts.kill();
    const after = restarts.start();
    const again = after.sessions.execution("alice", id);
    expect(again.view).toEqual(execution.view);
    expect(again.end).toMatchObject({ outcome: { ended: "exited", exitCode: 3 } });
    expect(await textOf(again.output.spool, "all")).toBe(text);
    expect(() => after.sessions.execution("bob", id)).toThrow("is forgotten");
  });

  test("that were on are told as stopped with it, with what they had written until a second before", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    const id = await left(before, "print one\nforever");
    await before.clock.advance(1000);
    restarts.kill();
    const after = restarts.start();
    const again = after.sessions.execution("alice", id);
    expect(again.status).toBe("running");
    await settle();
    expect(endOf(again)).toStartWith("the server was stopped while it ran");
    expect(await textOf(again.output.spool, "all")).toBe("one\n");
    expect(after.sessions.list("alice")[0]?.status).not.toBe("busy");
  });

  test("go on where the sandbox does, with their output from before and after, their time and their signals", async () => {
    await using restarts = new Restarts();
    restarts.world.doRunsLast = true;
    const before = restarts.start();
    const id = await left(before, "print one\nuntil go\nprint two\nexit 3", { timeoutMs: 600_000 });
    const other = await left(before, "print on\nforever", { sessionId: before.sessions.list("alice")[0]?.sessionId });
    await before.clock.advance(1000);
    restarts.kill();
    const after = restarts.start();
    const [execution, beside] = [id, other].map((one) => after.sessions.execution("alice", one));
    await settle();
    expect([execution?.status, beside?.status]).toEqual(["running", "running"]);
    const [session] = after.sessions.list("alice");
    expect(session?.status).toBe("busy");
    await after.run("write go now", { kind: "command", sessionId: session?.sessionId });
    await execution?.settled;
    expect(execution?.end).toMatchObject({ outcome: { ended: "exited", exitCode: 3, stdoutBytes: 8 } });
    expect(await textOf(after.sessions.execution("alice", id).output.spool, "all")).toBe("one\ntwo\n");
    expect(execution?.view).toMatchObject({ startedAt: before.clock.now() - 3000 });
    // It was begun 2 s before the kill, and has its 20 s.
    await after.clock.advance(17_000);
    expect(beside?.status).toBe("running");
    await after.clock.advance(1_000);
    await beside?.settled;
    expect(beside?.end).toMatchObject({ outcome: { ended: "timed_out", durationMs: 20_000 } });
    expect(execution?.gone).toEqual({ stdout: 0, stderr: 0 });
  });

  test("tell how much of their output went with the servers that were killed", async () => {
    await using restarts = new Restarts();
    restarts.world.doRunsLast = true;
    const id = await left(restarts.start(), "print one\nuntil go\nprint two\nuntil on\nprint three");
    // Nothing of it has been written yet.
    restarts.kill();
    const second = restarts.start();
    await settle();
    expect(second.sessions.execution("alice", id).gone).toEqual({ stdout: 4, stderr: 0 });
    const sessionId = second.sessions.list("alice")[0]?.sessionId;
    await second.run("write go now", { kind: "command", sessionId });
    await settle();
    restarts.kill();
    const third = restarts.start();
    await settle();
    await third.run("write on now", { kind: "command", sessionId });
    const execution = third.sessions.execution("alice", id);
    await execution.settled;
    expect(execution.gone).toEqual({ stdout: 8, stderr: 0 });
    expect(await textOf(execution.output.spool, "all")).toBe("three\n");
  });

  test("do not make their session idle for as long as they were on", async () => {
    await using restarts = new Restarts();
    const before = restarts.start({ sessionTimeoutMs: 60_000 });
    const id = await left(before, "print one\nforever", { timeoutMs: 600_000 });
    await before.clock.advance(300_000);
    restarts.kill();
    const after = restarts.start({ sessionTimeoutMs: 60_000 });
    await settle();
    expect(endOf(after.sessions.execution("alice", id))).toStartWith("the server was stopped while it ran");
    expect(after.sessions.list("alice")).toMatchObject([{ status: "ready" }]);
  });

  test("without output are told as ended at the same time by every later server", async () => {
    await using restarts = new Restarts();
    const id = await left(restarts.start(), "forever");
    restarts.kill();
    const second = restarts.start().sessions.execution("alice", id);
    await settle();
    const told = second.view;
    expect(told.ended).toBe("failed");
    await restarts.current.clock.advance(5000);
    restarts.kill();
    expect(restarts.start().sessions.execution("alice", id).view).toEqual(told);
  });

  test("whose output was larger than an answer is are found again, small ones are forgotten", async () => {
    await using restarts = new Restarts();
    const before = restarts.start({ maxKeptOutputBytes: 1_000_000 });
    const { execution: large, session } = await before.run("flood 300000", { kind: "command" });
    const { sessionId } = session;
    const { execution: small } = await before.run("print small", { kind: "command", sessionId });
    restarts.kill();
    const after = restarts.start();
    const again = after.sessions.execution("alice", large.executionId);
    expect((await textOf(again.output.spool, "stdout")).length).toBe(large.outputBytes.stdout);
    expect(await textOf(again.output.spool, "stdout", 299_990)).toHaveLength(large.outputBytes.stdout - 299_990);
    expect(() => after.sessions.execution("alice", small.executionId)).toThrow("is forgotten");
  });

  test("are forgotten with a session whose sandbox cannot be taken over, and leave no file", async () => {
    await using restarts = new Restarts();
    restarts.world.doRunsLast = true;
    const before = restarts.start();
    const id = await left(before, "print one\nforever");
    await before.clock.advance(1000);
    restarts.kill();
    for (const name of restarts.world.machines.keys()) restarts.world.stubborn.add(name);
    const after = restarts.start();
    expect(after.sessions.execution("alice", id).status).toBe("running");
    await settle();
    expect(() => after.sessions.execution("alice", id)).toThrow("is forgotten");
    expect(readdirSync(restarts.spoolFolder)).toEqual([]);
  });

  test("that are canceled before their sandbox has come are ended in it", async () => {
    await using restarts = new Restarts();
    restarts.world.doRunsLast = true;
    const before = restarts.start();
    const id = await left(before, "start worker\nforever");
    restarts.kill();
    const after = restarts.start();
    const execution = after.sessions.execution("alice", id);
    execution.cancel();
    await execution.settled;
    expect(endOf(execution)).toBe("canceled");
    const sessionId = after.sessions.list("alice")[0]?.sessionId;
    expect(await after.run("processes", { kind: "command", sessionId })).toMatchObject({ outcome: { stdout: "" } });
  });

  test("leave no file once their sessions have not come back", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    const id = await left(before, "print one\nforever");
    await before.clock.advance(1000);
    expect(readdirSync(restarts.spoolFolder)).toHaveLength(1);
    restarts.kill();
    const after = restarts.start({}, { survive: false });
    expect(() => after.sessions.execution("alice", id)).toThrow("is forgotten");
    while (readdirSync(restarts.spoolFolder).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("do not take along what a session has written that begins while their files are cleared away", async () => {
    await using s = sessionsOverFake({ maxKeptOutputBytes: 1_000_000 });
    const { execution } = await s.run("flood 100000", { kind: "command" });
    await s.executions.sweep(new Set());
    const { spool } = s.sessions.execution("alice", execution.executionId).output;
    expect((await textOf(spool, "stdout")).length).toBe(spool.counts.stdout);
  });

  test("are not taken for others' where a file of theirs is damaged: what is whole of it is told", async () => {
    await using restarts = new Restarts();
    const before = restarts.start();
    const id = await left(before, "print one\nforever");
    await before.clock.advance(1000);
    restarts.kill();
    const [session = ""] = readdirSync(restarts.spoolFolder);
    const folder = join(restarts.spoolFolder, session);
    appendFileSync(join(folder, id), Buffer.from([0, 200, 0, 0, 0, 1, 2]));
    writeFileSync(join(folder, "execution-x.json"), "{");
    const after = restarts.start();
    expect(await textOf(after.sessions.execution("alice", id).output.spool, "all")).toBe("one\n");
  });
});
