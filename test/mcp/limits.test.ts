// Limits: how much at a time, of one caller and of all, and that nothing is left of what has ended.

import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { settle } from "../fakes/fake-clock.ts";
import { answerOf, bothTypes, call, openSession, request, startEdge } from "./edge.ts";

describe("requests at a time", () => {
  test("of one caller: 429 with Retry-After beyond the limit, and none the less for another caller", async () => {
    await using edge = await startEdge({ limits: { requestsPerPrincipal: 2 } });
    const answers = [edge.post(call(1, "wait")), edge.post(call(2, "wait"))];
    await edge.tools.arrived(2);
    const refused = await edge.post(call(3, "say"));
    const { id, error } = await answerOf(refused);
    expect([refused.status, refused.headers.get("retry-after"), id, error?.code]).toEqual([429, "1", 3, -32600]);
    expect(error?.message).toStartWith("Resource limit exceeded: 2 requests");
    expect(error?.data).toMatchObject({ error_code: "RESOURCE_LIMIT_EXCEEDED" });
    expect((await edge.post(call(4, "say"), { principal: "bob" })).status).toBe(200);
    for (const waiting of edge.tools.waiting) waiting.finish("");
    await Promise.all(answers);
    expect((await edge.post(call(5, "say"))).status).toBe(200);
  });

  test("of all: 503", async () => {
    await using edge = await startEdge({ limits: { requests: 2 } });
    void edge.post(call(1, "wait"), { principal: "a" });
    void edge.post(call(1, "wait"), { principal: "b" });
    await edge.tools.arrived(2);
    expect((await edge.post(call(1, "say"), { principal: "c" })).status).toBe(503);
  });

  test("a batch counts as what it holds, and takes all of its places or none", async () => {
    await using edge = await startEdge({ limits: { requestsPerPrincipal: 3 } });
    const batch = (count: number) => Array.from({ length: count }, (_, id) => call(id, "say"));
    expect((await edge.post(batch(4))).status).toBe(429);
    for (let round = 0; round < 3; round++) expect((await edge.post(batch(3))).status).toBe(200);
  });

  test("a cancelled request and one of an unknown method give their places back", async () => {
    await using edge = await startEdge({ limits: { requestsPerPrincipal: 1 } });
    const headers = await openSession(edge);
    for (let round = 1; round <= 3; round++) {
      const answer = edge.post(call(1, "wait"), { headers });
      await edge.tools.arrived(round);
      const params = { requestId: 1 };
      await edge.post({ jsonrpc: "2.0", method: "notifications/cancelled", params }, { headers });
      await answer;
      expect((await answerOf(edge.post(request(1, "none"), { headers }))).error?.code).toBe(-32601);
    }
  });
});

test("listening streams are limited, and given back when they close", async () => {
  await using edge = await startEdge({ limits: { streamsPerPrincipal: 2, streams: 3 } });
  const listen = async (principal: string) => edge.get(await openSession(edge, "2025-11-25", principal), principal);
  const first = await listen("alice");
  await listen("alice");
  expect((await listen("alice")).status).toBe(429);
  await listen("bob");
  expect((await listen("bob")).status).toBe(503);
  await first.body?.cancel();
  expect((await listen("alice")).status).toBe(200);
});

/** Objects of the heap after `count` rounds: of this edge nothing may stay, whatever was done. */
async function objectsAfter(count: number, round: (nth: number) => Promise<unknown>): Promise<number> {
  for (let nth = 0; nth < count; nth += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, at) => round(nth + at)));
  }
  await settle();
  for (let times = 0; times < 3; times++) {
    Bun.gc(true);
    await settle();
  }
  return heapStats().objectCount;
}

/** Less than one object for every four rounds: what the engine does on its own. */
const mostLeft = 800;

describe("memory does not grow", () => {
  const rounds: Readonly<
    Record<string, (edge: Awaited<ReturnType<typeof startEdge>>, nth: number) => Promise<unknown>>
  > = {
    "with bare calls": async (edge, nth) => (await edge.post(call(nth, "say"))).text(),
    "with event streams nobody read to the end": async (edge, nth) => {
      const response = await edge.post(call(nth, "say"), { headers: { accept: "text/event-stream" } });
      await response.body?.cancel();
    },
    "with abandoned sessions": async (edge) => openSession(edge),
    "with sessions that were ended": async (edge) => edge.delete(await openSession(edge)),
    "with cancelled calls": async (edge, nth) => {
      const headers = await openSession(edge);
      const answer = edge.post(call(nth, "wait", { _meta: { progressToken: 1 } }), { headers });
      await settle();
      await edge.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: nth } }, { headers });
      return (await answer).text();
    },
    "with calls whose clients left": async (edge, nth) => {
      const leaving = new AbortController();
      const answer = edge.post(call(nth, "wait"), { headers: bothTypes, signal: leaving.signal });
      await settle();
      leaving.abort();
      return (await answer).text();
    },
  };
  for (const [what, round] of Object.entries(rounds)) {
    test(what, async () => {
      const limits = { mcpSessions: 20, endedMcpSessions: 20, replayStreams: 20 };
      await using edge = await startEdge({ limits });
      const step = (nth: number) => {
        edge.tools.waiting.length = 0;
        edge.events.length = 0;
        return round(edge, nth);
      };
      const before = await objectsAfter(400, step);
      let after = await objectsAfter(2000, step);
      // The collector takes what lies on a stack for a reference, and lets go of it only after more has run. What is really kept
      // stays, however often it looks again.
      for (let looks = 0; looks < 10 && after - before >= mostLeft; looks++) after = await objectsAfter(20, step);
      expect(after - before).toBeLessThan(mostLeft);
    });
  }
});
