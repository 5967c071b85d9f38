import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newExecutionId, newSessionId } from "../../src/sessions/ids.ts";
import { settle } from "../fakes/fake-clock.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { FakeWorld } from "../fakes/fake-world.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { callTool, openOn, post, run, toolCall, until } from "./ask.ts";
import { startNode, startNodes, tokenOf } from "./nodes.ts";

describe("a call of another node's session", () => {
  test("is answered as its owner answers it, and says so in a header and in the result", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const direct = await callTool(a, "execute_code", { code: "get x", session_id });
    const handed = await callTool(b, "execute_code", { code: "get x", session_id });
    expect(handed.headers.get("msb-mcp-node")).toBe(a.id);
    expect(direct.headers.get("msb-mcp-node")).toBeNull();
    const { _meta, ...result } = handed.result ?? {};
    expect(_meta).toEqual({ "msb-mcp/node": a.id });
    expect(result.content?.[0]?.text).toBe("42\n");
    expect(Object.keys(result)).toEqual(Object.keys(direct.result ?? {}));
    expect(b.forwarded).toEqual([expect.objectContaining({ node: a.id, what: "execute_code", outcome: "answered" })]);
    expect(a.forwarded).toEqual([]);
  });

  test("fails as its owner says: code, data and message", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const wrong = { code: "get x", session_id, template: "node" };
    const [direct, handed] = [await callTool(a, "execute_code", wrong), await callTool(b, "execute_code", wrong)];
    expect(handed.error).toEqual(direct.error);
    expect(handed.error?.data?.error_code).toBe("INVALID_ARGUMENTS");
  });

  test("ends at its owner when its caller leaves, and is told as canceled", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const status = () => a.sessions.list("alice")[0]?.status;
    const leaving = new AbortController();
    const calling = fetch(`${b.base}/mcp`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: tokenOf("alice") },
      body: JSON.stringify(toolCall("execute_code", { code: "forever", session_id })),
      signal: leaving.signal,
    });
    await until(() => status() === "busy");
    leaving.abort();
    await expect(calling).rejects.toThrow();
    await until(() => status() === "ready");
    await until(() => b.forwarded.length > 0);
    expect(b.forwarded).toEqual([expect.objectContaining({ node: a.id, outcome: "canceled" })]);
  });

  test("of another principal is told as one that there is not, on any node", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const { error } = await callTool(b, "execute_code", { code: "get x", session_id }, { principal: "bob" });
    expect(error?.data).toMatchObject({ error_code: "SESSION_NOT_FOUND", context: { reason: "unknown" } });
  });

  test("works for each tool that names a session or an execution", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const { execution_id } = await run(b, "print told", { session_id });
    const told = async (name: string, args: object) => (await callTool(b, name, args)).result;
    expect((await told("get_execution", { execution_id }))?.content?.[0]?.text).toContain("told");
    expect((await told("write_file", { session_id, path: "f.txt", content: "held" }))?.isError).toBe(false);
    expect(JSON.stringify(await told("read_file", { session_id, path: "f.txt" }))).toContain("held");
    expect((await told("get_sessions", { session_id }))?.sessions).toEqual([expect.objectContaining({ session_id })]);
    expect(await told("stop_session", { session_id })).toMatchObject({ success: true });
    expect(a.sessions.counts.active).toBe(0);
  });

  test("is one of each in a batch over two nodes", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const [one, two] = [await openOn(a), await openOn(b)];
    const call = (session_id: string, id: number) => toolCall("execute_code", { code: "get x", session_id }, id);
    const response = await post(b, [call(one, 1), call(two, 2)]);
    const answers = (await response.json()) as { id: number; result: { session_id: string } }[];
    expect(new Map(answers.map(({ id, result }) => [id, result.session_id]))).toEqual(
      new Map([
        [1, one],
        [2, two],
      ]),
    );
  });

  test("is never handed on by the node that it was handed on to", async () => {
    await using cluster = await startNodes(3);
    const { a, b, nodes } = cluster;
    const session_id = await openOn(a);
    // Who is asked is wrong about whose it is.
    const hearing = { signal: new AbortController().signal };
    const record = await cluster.registry.node(nodes[2]?.id ?? "");
    if (record === undefined) throw new Error("no third node");
    const call = { kind: "tool", name: "get_execution", args: { execution_id: session_id } } as const;
    const told = { audience: "program", takesLinks: false, mayBecomeTask: false } as const;
    const final = await b.peers.call(record, "alice", { ...call, ...told, args: { session_id } }, hearing);
    expect(final).toMatchObject({ error: { code: -32602 } });
    expect(a.forwarded.concat(nodes[2]?.forwarded ?? [])).toEqual([]);
  });
});

describe("a new session", () => {
  test("is opened where the registry places it, and its place there is no reservation any more", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    registry.favourite = a.id;
    const { session_id, node } = await run(b, "print");
    expect(node).toBe(a.id);
    expect(session_id).toStartWith(`session-${a.id}-`);
    await until(() => registry.reservations === 0);
    expect(registry.countsOf(a.id)).toEqual(new Map([["alice", 1]]));
  });

  test("that could not be opened gives its place back", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    registry.favourite = a.id;
    a.host.failNextBoot();
    const { error } = await callTool(b, "execute_code", { code: "print" });
    expect(error?.data?.error_code).toBe("SANDBOX_CREATION_ERROR");
    await until(() => registry.reservations === 0 && registry.countsOf(a.id).size === 0);
  });

  test("counts against its principal's limit on all nodes, and takes the place of an idle one where it has some", async () => {
    await using cluster = await startNodes(2, { limits: { maxSessions: 3, maxSessionsPerPrincipal: 2 } });
    const { a, b, registry } = cluster;
    const first = await openOn(a);
    await openOn(b);
    await until(() => registry.countsOf(a.id).size === 1 && registry.countsOf(b.id).size === 1);
    registry.favourite = a.id;
    const { session_id } = await run(b, "print");
    expect(a.sessions.list("alice").map((session) => session.sessionId)).toEqual([session_id]);
    const { error } = await callTool(b, "execute_code", { code: "print", session_id: first });
    expect(error?.data?.context).toMatchObject({ reason: "evicted" });
  });

  test("is refused where the principal's limit is reached by what it has elsewhere", async () => {
    await using cluster = await startNodes(2, { limits: { maxSessions: 3, maxSessionsPerPrincipal: 1 } });
    const { a, b, registry } = cluster;
    await openOn(a);
    await until(() => registry.countsOf(a.id).size === 1);
    registry.favourite = b.id;
    const { error } = await callTool(b, "execute_code", { code: "print" });
    expect(error?.message).toStartWith("Resource limit exceeded: 1 of at most 1 sessions of yours are in use");
    expect(error?.data?.context).toMatchObject({ scope: "principal", current: 1, limit: 1 });
  });

  test("is refused where the principal's limit of memory is reached by what it has elsewhere", async () => {
    await using cluster = await startNodes(2, {
      limits: { maxSessions: 3, maxMemoryMibPerPrincipal: 3072, enableLruEviction: false },
    });
    const { a, b, registry } = cluster;
    await openOn(a);
    await until(() => registry.countsOf(a.id).size === 1);
    registry.favourite = b.id;
    await run(b, "print", { flavor: "medium" });
    const { error } = await callTool(b, "execute_code", { code: "print" });
    expect(error?.message).toStartWith("Resource limit exceeded: 3072 of at most 3072 MB of yours are in use");
    expect(error?.data?.context).toMatchObject({ scope: "principal", resource: "memory", current: 3072, limit: 3072 });
  });

  test("goes to another node, where the one it was placed on declines, or is not there", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    registry.favourite = a.id;
    a.state.isDraining = true;
    expect((await run(b, "print")).session_id).toStartWith(`session-${b.id}-`);
    await a[Symbol.asyncDispose]();
    expect((await run(b, "print")).session_id).toStartWith(`session-${b.id}-`);
    await until(() => registry.reservations === 0);
  });

  test("goes to another node, too, where this one takes none any more and the registry does not know it yet", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    registry.favourite = a.id;
    a.state.isDraining = true;
    const { giveBack } = registry;
    registry.giveBack = async (reservation) => {
      await giveBack.call(registry, reservation);
      registry.favourite = b.id;
    };
    expect((await run(a, "print")).session_id).toStartWith(`session-${b.id}-`);
  });

  test("is opened here or refused while the registry cannot be reached, as --cluster-partition says", async () => {
    await using serving = await startNodes(2, { partition: "serve" });
    serving.registry.isCutOff = true;
    const { session_id } = await run(serving.a, "print");
    expect(session_id).toStartWith(`session-${serving.a.id}-`);
    await using refusing = await startNodes(2, { partition: "refuse" });
    const own = await openOn(refusing.a);
    refusing.registry.isCutOff = true;
    const { error } = await callTool(refusing.a, "execute_code", { code: "print" });
    expect(error?.data?.error_code).toBe("CONNECTION_ERROR");
    expect(JSON.stringify(error?.data)).toContain("--cluster-partition serve");
    expect((await run(refusing.a, "get x", { session_id: own })).text).toBe("42\n");
  });
});

async function nodeOf(registry: FakeRegistry, id: string) {
  const node = await registry.node(id);
  if (node === undefined) throw new Error(`there is no node ${id}`);
  return node;
}

describe("get_sessions", () => {
  test("tells the caller's sessions on all nodes, the oldest first, as JSON and as text", async () => {
    await using cluster = await startNodes(3);
    const { nodes, b, registry } = cluster;
    const opened: string[] = [];
    for (const node of nodes) {
      opened.push(await openOn(node));
      await node.clock.advance(1000 * opened.length);
    }
    await openOn(b, { principal: "bob" });
    await until(() => nodes.every(({ id }) => registry.countsOf(id).get("alice") === 1));
    const { result } = await callTool(b, "get_sessions", {});
    expect(new Set(result?.sessions?.map(({ session_id }) => session_id))).toEqual(new Set(opened));
    expect(JSON.parse(result?.content?.[0]?.text ?? "")).toEqual(result?.structuredContent);
    expect(result?.nodes_not_asked).toBeUndefined();
  });

  test("lacks no session of a node that a flushed registry has not been told of again", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    const there = await openOn(a);
    b.state.knownPeers = [a.id];
    await b.owners.lookAhead(await nodeOf(registry, a.id));
    registry.empty();
    const { result } = await callTool(b, "get_sessions", {});
    expect(result?.sessions?.map(({ session_id }) => session_id)).toEqual([there]);
    expect(result?.nodes_not_asked).toBeUndefined();
  });

  test("asks the nodes that are known while the registry cannot be reached, and says that there may be more", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    const there = await openOn(a);
    b.state.knownPeers = [a.id];
    await b.owners.lookAhead(await nodeOf(registry, a.id));
    registry.isCutOff = true;
    const { result } = await callTool(b, "get_sessions", {});
    expect(result?.sessions?.map(({ session_id }) => session_id)).toEqual([there]);
    expect(result?.nodes_not_asked).toEqual([
      { node: "all others", why: expect.stringContaining("cannot be reached") },
    ]);
  });

  test("names the nodes that could not be asked", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    await openOn(a);
    const own = await openOn(b);
    await until(() => registry.countsOf(a.id).size === 1);
    await a.cut();
    const { result } = await callTool(b, "get_sessions", {});
    expect(result?.sessions?.map(({ session_id }) => session_id)).toEqual([own]);
    expect(result?.nodes_not_asked).toEqual([{ node: a.id, why: expect.stringContaining("cannot be reached") }]);
  });
});

describe("a node that is gone", () => {
  test("has its sessions and executions told lost, with when, by any other", async () => {
    await using cluster = await startNodes(2);
    const { a, b, registry } = cluster;
    const session_id = await openOn(a);
    const { execution_id } = await run(a, "print", { session_id });
    registry.endLease(a.id, 120_000);
    await a[Symbol.asyncDispose]();
    const { error } = await callTool(b, "execute_code", { code: "get x", session_id });
    expect(error?.message).toStartWith(
      `Session not found: ${session_id} was lost 2 minutes ago (its node ${a.id} is gone).`,
    );
    expect(error?.data).toMatchObject({ error_code: "SESSION_NOT_FOUND", context: { session_id, reason: "lost" } });
    const execution = await callTool(b, "get_execution", { execution_id });
    expect(execution.error?.data).toMatchObject({ error_code: "EXECUTION_NOT_FOUND", context: { reason: "lost" } });
    const listed = await callTool(b, "get_sessions", { session_id });
    expect(listed.result).toMatchObject({ sessions: [], reason: "lost" });
    const stopped = await callTool(b, "stop_session", { session_id });
    expect(stopped.result).toMatchObject({ success: false, session_id, reason: "lost" });
  });

  test("is told apart from a mistyped id and one of no node", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const reasonOf = async (id: string) =>
      (await callTool(b, "execute_code", { code: "get x", session_id: id })).error?.data?.context.reason;
    expect(await reasonOf(`${session_id.slice(0, -1)}${session_id.endsWith("0") ? "1" : "0"}`)).toBe("mistyped");
    expect(await reasonOf(newSessionId("of no node"))).toBe("foreign");
    const execution_id = newExecutionId("of no node");
    const { error } = await callTool(b, "get_execution", { execution_id });
    expect(error?.data?.context.reason).toBe("foreign");
  });

  test("breaks a call off that it is carrying out, which is told and not sent again", async () => {
    await using cluster = await startNodes(2);
    const { a, b } = cluster;
    const session_id = await openOn(a);
    const calling = callTool(b, "execute_code", { code: "forever", session_id });
    await until(() => a.sessions.list("alice")[0]?.status === "busy");
    // Its process ends: sockets are cut.
    await a.cut();
    const { error } = await calling;
    expect(error?.data?.error_code).toBe("CONNECTION_ERROR");
    expect(error?.message).toContain("Whether it was carried out is not known");
  });

  test("and comes back within its lease answers what was asked meanwhile", async () => {
    await using cluster = await startNodes(2, { patienceMs: 60_000 });
    const { a, b, registry } = cluster;
    const session_id = await openOn(a);
    await run(b, "get x", { session_id });
    await a[Symbol.asyncDispose]();
    const calling = callTool(b, "execute_code", { code: "get x", session_id });
    await until(() => b.forwarded.some(({ outcome }) => outcome === "unreachable"));
    await using again = await startNode({ registry, name: "a", port: a.port });
    // It has no memory of it: what it says is what is told.
    expect((await calling).error?.data).toMatchObject({ error_code: "SESSION_NOT_FOUND" });
    expect(again.id).toBe(a.id);
  });
});

test("a node that is killed and comes back with its state directory answers for what survived, also what was asked meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "msb-mcp-nodes-"));
  const world = new FakeWorld();
  const [before, after] = [join(folder, "before.db"), join(folder, "after.db")];
  const process = (ledgerPath: string) => ({ ledgerPath, host: new FakeHost({ world, installation: "a" }) });
  const registry = new FakeRegistry();
  const killed = await startNode({ registry, name: "a", process: process(before) });
  await using b = await startNode({ registry, name: "b", patienceMs: 60_000 });
  const session_id = await openOn(killed);
  expect((await run(b, "get x", { session_id })).text).toBe("42\n");
  await killed.cut();
  for (const suffix of ["", "-wal"]) {
    if (existsSync(before + suffix)) copyFileSync(before + suffix, after + suffix);
  }
  killed.host.crash();
  killed.ledger[Symbol.dispose]();
  const calling = run(b, "get x", { session_id });
  await until(() => b.forwarded.some(({ outcome }) => outcome === "unreachable"));
  await using again = await startNode({ registry, name: "a", port: killed.port, process: process(after) });
  expect((await calling).text).toBe("42\n");
  expect(again.state.epoch).toBeGreaterThan(killed.state.epoch ?? 0);
  rmSync(folder, { recursive: true });
});

test("a node that others may call lost serves none of its sessions, to anybody", async () => {
  await using cluster = await startNodes(2, { patienceMs: 1000 });
  const { a, b } = cluster;
  const session_id = await openOn(a);
  a.state.standing = "lost";
  for (const node of [a, b]) {
    const { error } = await callTool(node, "execute_code", { code: "get x", session_id });
    expect(error?.data?.error_code).toBe("CONNECTION_ERROR");
  }
  a.state.standing = "held";
  expect((await run(b, "get x", { session_id })).text).toBe("42\n");
});

test("a node that others call lost by the end of a call does not answer it, to anybody", async () => {
  await using cluster = await startNodes(2, { patienceMs: 1000 });
  const { a, b } = cluster;
  const session_id = await openOn(a);
  const status = () => a.sessions.list("alice")[0]?.status;
  const { disk } = a.host.only().machine;
  for (const [node, file] of [
    [a, "one"],
    [b, "two"],
  ] as const) {
    const calling = callTool(node, "execute_code", { code: `until ${file}`, session_id });
    await until(() => status() === "busy");
    a.state.standing = "lost";
    disk.put(file, "");
    const { error } = await calling;
    expect(error?.data?.error_code).toBe("CONNECTION_ERROR");
    expect(error?.message).toContain("Whether it was carried out is not known.");
    a.state.standing = "held";
  }
});

test("the registry away, sessions of other nodes go on being reached", async () => {
  await using cluster = await startNodes(2);
  const { a, b, registry } = cluster;
  const session_id = await openOn(a);
  await run(b, "get x", { session_id });
  registry.isCutOff = true;
  b.owners.forget(a.id);
  expect((await run(b, "get x", { session_id })).text).toBe("42\n");
});

test("an own session's call asks neither the registry nor another node", async () => {
  await using cluster = await startNodes(2);
  const { a, registry } = cluster;
  const session_id = await openOn(a);
  await settle();
  const before = registry.asked.length;
  await run(a, "get x", { session_id });
  expect(registry.asked.slice(before)).toEqual([]);
});
