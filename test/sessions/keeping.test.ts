// A server that is stopped in order and keeps what it can: its sessions are the next server's, as after a kill, and nobody is told a lie.

import { expect, test } from "bun:test";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { Restarts } from "../fakes/restarts.ts";

const long = { sessionTimeoutMs: 3_600_000, executionTimeoutMs: 3_000_000 };

test("variables and files of a session are there for the next server, and nothing was told ended", async () => {
  await using server = new Restarts();
  const before = server.start(long);
  const { sessionId } = (await before.run("set x 1")).session;
  before.host.only().machine.disk.put("note", "kept");
  await server.leave();
  expect(before.events.filter(({ type }) => type === "session.closed")).toEqual([]);
  expect(before.events.at(-1)).toEqual({ type: "sessions.kept", sessions: 1, ended: 0 });
  const after = server.start(long);
  const ran = await after.run("get x", { sessionId });
  expect([ran.outcome.stdout, ran.created]).toEqual(["1\n", false]);
  expect(after.host.only().machine.disk.text("note")).toBe("kept");
});

test("a call whose run outlasts the server is told that it goes on; the next server has its whole output and its end", async () => {
  await using server = new Restarts();
  server.world.doRunsLast = true;
  const { sessions, run } = server.start(long);
  const { sessionId, ...session } = (await run("set x 1")).session;
  const request = {
    ...{ principal: "alice", kind: "command" as const, source: "print one\nuntil go\nprint two", sessionId },
    ...{ template: undefined, flavor: undefined, timeoutMs: undefined, signal: new AbortController().signal },
  };
  const calling = sessions.run(request);
  await settle();
  const looking = sessions.executionsOf(sessionId).at(-1)?.executionId ?? "";
  const waited = sessions.waitFor(sessions.execution("alice", looking), () => false, 50_000, request.signal);
  await server.leave();
  await waited;
  const left = await calling;
  if (left.status !== "running") throw new Error("it was told as ended");
  expect(left).toMatchObject({ left: { stdout: { text: "one\n" } }, endsSoon: expect.stringContaining("keeps") });
  expect(session.template).toBe("python");

  const next = server.start(long);
  const execution = next.sessions.execution("alice", left.execution.executionId);
  await settle();
  next.host.only().machine.disk.put("go", "");
  await execution.settled;
  expect(await next.sessions.ranAs(execution)).toMatchObject({ outcome: { ended: "exited", stdout: "one\ntwo\n" } });
});

test("a run that ends within a second of the stop is told whole", async () => {
  await using server = new Restarts();
  server.world.doRunsLast = true;
  const { host, run, clock, sessions } = server.start(long);
  const { sessionId } = (await run("set x 1")).session;
  const running = run("until go\nprint done", { sessionId, kind: "command" });
  await settle();
  const parted = sessions.part();
  await clock.advance(900);
  host.only().machine.disk.put("go", "");
  expect((await running).outcome.stdout).toBe("done\n");
  await parted;
  await server.leave();
});

test("what would not outlast the server is waited for, and can be canceled in its session, which is kept", async () => {
  await using server = new Restarts();
  const { run, sessions } = server.start(long);
  const { sessionId } = (await run("set x 1")).session;
  const running = run("forever", { sessionId });
  await settle();
  let isParted = false;
  void sessions.part().then(() => {
    isParted = true;
  });
  await server.current.clock.advance(5000);
  expect(isParted).toBe(false);
  sessions.cancelRest();
  await server.current.clock.advance(5000);
  expect((await running).outcome.ended).toBe("canceled");
  await server.leave();
  expect((await server.start(long).run("get x", { sessionId })).outcome.stdout).toBe("1\n");
});

test("a session that was still to be taken over is left for the next server as it is", async () => {
  await using server = new Restarts();
  const first = server.start(long);
  const { sessionId } = (await first.run("set x 1")).session;
  await server.leave();
  const second = server.start(long);
  second.host.holdBoots();
  await settle();
  void second.sessions.part();
  await second.sessions.letGo();
  await server.stop();
  expect((await server.start(long).run("get x", { sessionId })).outcome.stdout).toBe("1\n");
});

test("a session whose sandbox could not be kept is ended and told so", async () => {
  await using server = new Restarts();
  const before = server.start(long, { survive: false });
  const { sessionId } = (await before.run("set x 1")).session;
  expect(before.sessions.canBeKept).toBe(false);
  await server.leave();
  expect(before.events).toContainEqual({ type: "sessions.kept", sessions: 0, ended: 1 });
  const { context } = await failureOf(server.start(long, { survive: false }).run("get x", { sessionId }));
  expect(context).toMatchObject({ reason: "shutdown" });
});

test("the deadline of a drain ends nothing once the server keeps its sessions", async () => {
  await using server = new Restarts();
  const { run, sessions, clock, host } = server.start(long, { drainTimeoutMs: 500 });
  const { sessionId } = (await run("set x 1")).session;
  sessions.draining.set("stop", true);
  void sessions.part();
  await clock.advance(1000);
  expect(host.live.size).toBe(1);
  await server.leave();
  expect((await server.start(long).run("get x", { sessionId })).outcome.stdout).toBe("1\n");
});
