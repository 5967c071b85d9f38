import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { createPeers } from "../../src/cluster/peers/client.ts";
import { deriveClusterKeys } from "../../src/cluster/peers/keys.ts";
import { createPosts } from "../../src/cluster/peers/post.ts";
import { hashOf, proofHeader, readProof, signRequest } from "../../src/cluster/peers/proof.ts";
import { Replays } from "../../src/cluster/peers/replays.ts";
import { callPath, filesPath, renewPath } from "../../src/cluster/peers/wire.ts";
import { textOf } from "../http/files/served.ts";
import { openOn, until } from "./ask.ts";
import { keys, startNodes, type TestNode } from "./nodes.ts";

const never = new AbortController().signal;
const ping = { kind: "ping" } as const;

/** A request as another node would send it, to be changed. */
function forged(
  to: TestNode,
  change: Partial<Parameters<typeof signRequest>[2]> = {},
  key = keys.proofKey,
  path: string = callPath,
) {
  const body = JSON.stringify(ping);
  const claims = {
    ...{ from: "zzzzz", to: to.id, epoch: to.state.epoch ?? 0, principal: "alice", atMs: Date.now() },
    ...{ instance: crypto.randomUUID(), count: 1, bodyHash: hashOf(body), ...change },
  };
  return { body, proof: signRequest(key, { method: "POST", path }, claims) };
}

async function send(to: TestNode, { body, proof }: ReturnType<typeof forged>, path: string = callPath) {
  return await fetch(`${to.base}${path}`, { method: "POST", body, headers: { [proofHeader]: proof } });
}

async function looksLikeNothing(response: Response, to: TestNode): Promise<boolean> {
  const nothing = await fetch(`${to.base}/no/such/path`, { method: "POST", body: "{}" });
  const seen = async (each: Response) => {
    const headers = [...each.headers].filter(([name]) => name !== "date");
    return JSON.stringify([each.status, headers, await each.text()]);
  };
  return (await seen(response)) === (await seen(nothing));
}

test("who proves to have the secret is answered, with a proof", async () => {
  await using cluster = await startNodes(2);
  const { a } = cluster;
  const response = await send(a, forged(a));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ result: null });
  expect(response.headers.get(proofHeader)).not.toBeNull();
});

describe("who proves nothing finds what is at any unknown path", () => {
  test.each([callPath, renewPath, filesPath, "/cluster/v1/stream", "/cluster/v1/", "/cluster/v1/other"])(
    "at %s",
    async (path) => {
      await using cluster = await startNodes(2);
      const { a } = cluster;
      const target = `${a.base}${path}?target=%2Fsessions%2Fx%2Ffiles%2Fy`;
      for (const url of [`${a.base}${path}`, target]) {
        const response = await fetch(url, { method: "POST", body: JSON.stringify(ping) });
        expect(await looksLikeNothing(response, a)).toBe(true);
      }
    },
  );

  const otherKey = deriveClusterKeys("another secret of 32 characters...", "test").proofKey;
  const otherName = deriveClusterKeys("a secret of 32 characters or more", "other").proofKey;
  test.each([
    ["another secret", (to: TestNode) => forged(to, {}, otherKey)],
    ["the secret of a cluster with another name", (to: TestNode) => forged(to, {}, otherName)],
    ["a request to another node", (to: TestNode) => forged(to, { to: "zzzzz" })],
    ["a request of an hour ago", (to: TestNode) => forged(to, { atMs: Date.now() - 3_600_000 })],
    ["a request of the next hour", (to: TestNode) => forged(to, { atMs: Date.now() + 3_600_000 })],
    ["another body", (to: TestNode) => ({ ...forged(to), body: '{"kind":"tool"}' })],
    ["no body's hash", (to: TestNode) => forged(to, { bodyHash: null })],
    ["a cut proof", (to: TestNode) => ({ ...forged(to), proof: forged(to).proof.slice(0, -4) })],
    ["words", (to: TestNode) => ({ ...forged(to), proof: "a.b" })],
  ])("with %s", async (_, forge) => {
    await using cluster = await startNodes(2);
    const { a } = cluster;
    expect(await looksLikeNothing(await send(a, forge(a)), a)).toBe(true);
  });

  test("with a proof that was sent to another path", async () => {
    await using cluster = await startNodes(2);
    const { a } = cluster;
    expect(await looksLikeNothing(await send(a, forged(a), renewPath), a)).toBe(true);
  });

  test("with a request that was overheard and is sent again", async () => {
    await using cluster = await startNodes(2);
    const { a } = cluster;
    const overheard = forged(a);
    expect((await send(a, overheard)).status).toBe(200);
    expect(await looksLikeNothing(await send(a, overheard), a)).toBe(true);
  });

  test("with a bearer token alone, whoever it is of", async () => {
    await using cluster = await startNodes(2);
    const { a } = cluster;
    const headers = { authorization: "Bearer alice-token-0123456789abcdef" };
    const response = await fetch(`${a.base}${callPath}`, { method: "POST", body: JSON.stringify(ping), headers });
    expect(await looksLikeNothing(response, a)).toBe(true);
  });
});

test("a minute between two clocks breaks nothing", async () => {
  await using cluster = await startNodes(2);
  const { a, b } = cluster;
  const skewed = { ...systemClock, now: () => Date.now() - 60_000 };
  using peers = createPeers({ self: b.id, key: keys.proofKey, clock: skewed });
  expect(
    await peers.call({ id: a.id, address: a.base, epoch: a.state.epoch ?? 0 }, "", ping, { signal: never }),
  ).toEqual({
    result: null,
  });
});

test("a request for an earlier registration of the node is not carried out, and may be sent anew", async () => {
  await using cluster = await startNodes(2);
  const { a, b } = cluster;
  const stale = { id: a.id, address: a.base, epoch: (a.state.epoch ?? 0) - 1 };
  await expect(b.peers.call(stale, "", ping, { signal: never })).rejects.toMatchObject({
    name: "PeerUnreachable",
    wasSent: false,
  });
});

test("a file goes to the node by an earlier registration, too, as it can be sent once; by a later one it does not", async () => {
  await using cluster = await startNodes(2);
  const { a, b } = cluster;
  const target = `/sessions/${await openOn(a)}/files/up.txt`;
  const hand = (epoch: number) => {
    const request = new Request(b.base, { method: "PUT", body: "sent once" });
    return b.peers.hand({ id: a.id, address: a.base, epoch }, "alice", filesPath, target, request);
  };
  const epoch = a.state.epoch ?? 0;
  expect((await hand(epoch - 1)).status).toBe(201);
  expect(await textOf(a.host.only().files, "up.txt")).toBe("sent once");
  await expect(hand(epoch + 1)).rejects.toMatchObject({ name: "PeerUnreachable", wasSent: false });
});

test("what answers without a proof of its own is not believed", async () => {
  await using cluster = await startNodes(2);
  const { b } = cluster;
  const impostor = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ result: "believe me" }) });
  try {
    const calling = b.peers.call({ id: "zzzzz", address: impostor.url.origin, epoch: 1 }, "alice", ping, {
      signal: never,
    });
    await expect(calling).rejects.toMatchObject({ name: "PeerUnreachable", wasSent: true });
  } finally {
    await impostor.stop(true);
  }
});

test("a proof of one principal reads no other's session", async () => {
  await using cluster = await startNodes(2);
  const { a, b, registry } = cluster;
  const session_id = await openOn(a);
  const record = await registry.node(a.id);
  if (record === undefined) throw new Error("not registered");
  const told = { audience: "program", takesLinks: false, mayBecomeTask: false } as const;
  const call = { kind: "tool", name: "execute_code", args: { code: "get x", session_id }, ...told } as const;
  expect(await b.peers.call(record, "bob", call, { signal: never })).toMatchObject({ error: { code: -32602 } });
});

test("a heartbeat is handed on to the registry, and its answer back", async () => {
  await using cluster = await startNodes(2);
  const { a, b, registry } = cluster;
  const record = await registry.node(a.id);
  if (record === undefined || b.state.epoch === undefined) throw new Error("not registered");
  const renewing = { id: b.id, epoch: b.state.epoch, load: b.load, isDraining: false };
  expect(await b.peers.renew(record, renewing, never)).toEqual({ outcome: "renewed", isToDrain: false });
  expect(await b.peers.renew(record, { ...renewing, epoch: 99 }, never)).toMatchObject({ outcome: "replaced" });
});

test("a node that was registered again, or is lost itself, hands heartbeats on, and nothing else", async () => {
  await using cluster = await startNodes(2);
  const { a, b, registry } = cluster;
  const record = await registry.node(a.id);
  if (record === undefined || b.state.epoch === undefined) throw new Error("not registered");
  const before = { ...record, epoch: record.epoch - 1 };
  const renewing = { id: b.id, epoch: b.state.epoch, load: b.load, isDraining: false };
  expect(await b.peers.renew(before, renewing, never)).toMatchObject({ outcome: "renewed" });
  const unbegun = { name: "PeerUnreachable", wasSent: false };
  await expect(b.peers.call(before, "alice", ping, { signal: never })).rejects.toMatchObject(unbegun);
  a.state.standing = "lost";
  expect(await b.peers.renew(record, renewing, never)).toMatchObject({ outcome: "renewed" });
  await expect(b.peers.call(record, "alice", ping, { signal: never })).rejects.toMatchObject(unbegun);
});

test("a node tells who proves to have the secret what it does not know, or does not take: nothing was begun", async () => {
  await using cluster = await startNodes(2);
  const { a, b, registry } = cluster;
  const unknown = "/cluster/v1/of-a-later-version";
  const response = await send(a, forged(a, {}, keys.proofKey, unknown), unknown);
  expect([response.status, response.headers.has(proofHeader)]).toEqual([404, true]);
  expect(await response.json()).toEqual({ declined: "unknown_call" });
  const record = await registry.node(a.id);
  if (record === undefined) throw new Error("not registered");
  const resource = { kind: "resource", uri: "x".repeat(5_000_000), audience: "agent", takesLinks: false } as const;
  expect(await b.peers.call(record, "alice", resource, { signal: never })).toEqual({ declined: "too_large" });
  expect(await b.peers.call(record, "alice", ping, { signal: never })).toEqual({ result: null });
});

test("the keys of one purpose, cluster or secret are no other's", () => {
  const all = [
    ["a secret of 32 characters or more", "one"],
    ["a secret of 32 characters or more", "two"],
    ["a secret of 32 characters or less", "one"],
  ].flatMap(([secret = "", name = ""]) => Object.values(deriveClusterKeys(secret, name)));
  expect(new Set(all.map((key) => Buffer.from(key).toString("hex"))).size).toBe(12);
});

test("a proof tells what was claimed, to who has the key", () => {
  const asked = { method: "POST", path: "/cluster/v1/call" };
  const claims = {
    ...{ from: "aaaaa", to: "bbbbb", epoch: 7, principal: "ünï", atMs: 1000 },
    ...{ instance: "i", count: 3, bodyHash: null },
  };
  const proof = signRequest(keys.proofKey, asked, claims);
  expect(readProof(keys.proofKey, asked, proof, 2000)).toEqual(claims);
  expect(readProof(keys.linkKey, asked, proof, 2000)).toBeUndefined();
  expect(readProof(keys.proofKey, { ...asked, method: "GET" }, proof, 2000)).toBeUndefined();
});

describe("requests that are counted", () => {
  test("are taken once each, in any order, and not when they are too far behind", () => {
    const replays = new Replays();
    for (const count of [5, 1, 3, 70_000, 69_999, 5_000]) expect(replays.take("i", count, 0)).toBe(true);
    for (const count of [5, 1, 70_000, 69_999, 5_000]) expect(replays.take("i", count, 0)).toBe(false);
    expect(replays.take("i", 2, 0)).toBe(false);
    expect(replays.take("other", 2, 0)).toBe(true);
  });

  test("are each taken once, however many there are", () => {
    const replays = new Replays();
    let taken = 0;
    for (let count = 0; count < 200_000; count++) if (replays.take("i", count, 0)) taken += 1;
    for (let count = 0; count < 200_000; count++) if (replays.take("i", count, 0)) taken += 1;
    expect(taken).toBe(200_000);
  });

  test("of more processes than can be remembered are not taken, until the oldest are too old to matter", () => {
    const replays = new Replays();
    for (let each = 0; each < 4096; each++) expect(replays.take(`i${each}`, 0, 0)).toBe(true);
    expect(replays.take("one more", 0, 60_000)).toBe(false);
    expect(replays.take("i0", 0, 60_000)).toBe(false);
    expect(replays.take("one more", 0, 3_600_000)).toBe(true);
  });
});

test("three hundred calls may be on their way at once, beyond what fetch alone takes", async () => {
  const all = 300;
  let arrived = 0;
  const gate = Promise.withResolvers<void>();
  const holding = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch() {
      arrived += 1;
      // The first shows that the node is there.
      if (arrived === all + 1) gate.resolve();
      if (arrived > 1) await gate.promise;
      return new Response("{}\n");
    },
  });
  const posts = createPosts(systemClock);
  try {
    const post = () =>
      posts.post({
        ...{ url: holding.url, headers: { "content-length": "2" }, body: "{}", signal: never },
        ...{ onHead: () => undefined, onPiece: () => true },
      });
    await post();
    await Promise.all(Array.from({ length: all }, post));
    expect(arrived).toBe(all + 1);
  } finally {
    posts[Symbol.dispose]();
    await holding.stop(true);
  }
});

test("a call that its caller leaves is cut off, by fetch and by a socket alike", async () => {
  let came = 0;
  let left = 0;
  const holding = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (request.headers.has("quick")) return new Response("{}\n");
      came += 1;
      await new Promise<void>((resolve) => request.signal.addEventListener("abort", () => resolve()));
      left += 1;
      return new Response("{}\n");
    },
  });
  const posts = createPosts(systemClock);
  const post = (signal: AbortSignal, headers: Readonly<Record<string, string>> = {}) =>
    posts.post({
      ...{ url: holding.url, headers: { "content-length": "2", ...headers }, body: "{}", signal },
      ...{ onHead: () => undefined, onPiece: () => true },
    });
  try {
    for (const each of [1, 2]) {
      const leaving = new AbortController();
      const posting = post(leaving.signal);
      await until(() => came === each);
      leaving.abort(new Error("enough"));
      await expect(posting).rejects.toThrow("enough");
      await until(() => left === each);
      await post(never, { quick: "" });
    }
  } finally {
    posts[Symbol.dispose]();
    await holding.stop(true);
  }
});
