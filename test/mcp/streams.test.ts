// Answers that become event streams: when, what they carry, and what a client that comes back gets of them.

import { describe, expect, test } from "bun:test";
import { settle } from "../fakes/fake-clock.ts";
import { bothTypes, call, eventsOf, messagesOf, openSession, startEdge, text } from "./edge.ts";

const progressing = { _meta: { progressToken: "p" } };

describe("an answer", () => {
  test("is JSON if the result comes first", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const response = await edge.post(call(1, "say", progressing), { headers });
    expect(response.headers.get("content-type")).toBe("application/json");
  });

  test("becomes a stream with the first progress, then carries the result and ends", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(1, "wait", progressing), { headers });
    const { context, finish } = await edge.tools.arrived(1);
    context.progress("half");
    const response = await answer;
    finish("whole");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await messagesOf(response)).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "p", progress: 1, message: "half" },
      },
      { jsonrpc: "2.0", id: 1, result: text("whole") },
    ]);
  });

  test("becomes a stream after some seconds of silence, so that keep-alive can flow", async () => {
    await using edge = await startEdge();
    const answer = edge.post(call(1, "wait"), { headers: bothTypes });
    const { finish } = await edge.tools.arrived(1);
    await edge.clock.advance(10_000);
    const response = await answer;
    const events = eventsOf(response);
    const next = events.next();
    await edge.clock.advance(15_000);
    expect((await next).value).toMatchObject({ comment: true });
    finish("late");
    expect(JSON.parse((await events.next()).value?.data ?? "")).toMatchObject({ id: 1, result: text("late") });
    expect((await events.next()).done).toBe(true);
  });

  test("stays JSON, however long it takes, for a client that takes nothing else", async () => {
    await using edge = await startEdge();
    const answer = edge.post(call(1, "wait", progressing));
    const { context, finish } = await edge.tools.arrived(1);
    context.progress("unheard");
    await edge.clock.advance(120_000);
    finish("at last");
    const response = await answer;
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ jsonrpc: "2.0", id: 1, result: text("at last") });
  });

  test("is a stream for a client that takes nothing else", async () => {
    await using edge = await startEdge();
    const response = await edge.post(call(1, "say"), { headers: { accept: "text/event-stream" } });
    expect(await messagesOf(response)).toEqual([{ jsonrpc: "2.0", id: 1, result: text("{}") }]);
  });

  test("carries every result of a batch on one stream", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge, "2025-03-26");
    const answer = edge.post([call(1, "say"), call(2, "wait", progressing)], { headers });
    const { context, finish } = await edge.tools.arrived(1);
    await settle();
    context.progress("half");
    finish("two");
    expect(await messagesOf(await answer)).toMatchObject([
      { id: 1 },
      { method: "notifications/progress" },
      { id: 2, result: text("two") },
    ]);
  });
});

describe("a client that comes back with Last-Event-ID", () => {
  test("gets the result of a call it lost, while it runs and after it ended", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(1, "wait"), { headers });
    const { finish, context } = await edge.tools.arrived(1);
    await edge.clock.advance(10_000);
    const lost = eventsOf(await answer);
    const priming = (await lost.next()).value;
    expect(priming).toMatchObject({ data: "", comment: false });
    const lastEventId = { ...headers, "last-event-id": priming?.id ?? "" };
    await lost.return(undefined);
    await settle();
    expect(context.signal.aborted).toBe(false);

    const running = await edge.get(lastEventId);
    expect(running.status).toBe(200);
    finish("found again");
    const result = { jsonrpc: "2.0", id: 1, result: text("found again") };
    expect(await messagesOf(running)).toEqual([result]);
    expect(await messagesOf(await edge.get(lastEventId))).toEqual([result]);
  });

  test("is not given what it already has", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge);
    const answer = edge.post(call(1, "wait"), { headers });
    const { finish } = await edge.tools.arrived(1);
    await edge.clock.advance(10_000);
    finish("once");
    const ids: string[] = [];
    for await (const event of eventsOf(await answer)) ids.push(event.id ?? "");
    const again = await edge.get({ ...headers, "last-event-id": ids.at(-1) ?? "" });
    expect(await messagesOf(again)).toEqual([]);
  });

  test("is not given a stream of after a restart for one of before", async () => {
    const sessionKey = crypto.getRandomValues(new Uint8Array(32));
    const begin = async (edge: Awaited<ReturnType<typeof startEdge>>, headers: Record<string, string>) => {
      const answer = edge.post(call(1, "wait"), { headers });
      await edge.tools.arrived(1);
      await edge.clock.advance(10_000);
      return (await eventsOf(await answer).next()).value?.id ?? "";
    };
    const before = await startEdge({ sessionKey });
    const headers = await openSession(before);
    const id = await begin(before, headers);
    await before[Symbol.asyncDispose]();
    await using after = await startEdge({ sessionKey });
    await begin(after, headers);
    expect((await after.get({ ...headers, "last-event-id": id })).status).toBe(400);
  });

  test("is refused for ids that are unknown, of another session, or no longer kept", async () => {
    await using edge = await startEdge({ limits: { replayMs: 60_000 } });
    const headers = await openSession(edge);
    const other = await openSession(edge);
    const answer = edge.post(call(1, "wait"), { headers });
    const { finish } = await edge.tools.arrived(1);
    await edge.clock.advance(10_000);
    const priming = (await eventsOf(await answer).next()).value?.id ?? "";
    finish("done");
    await settle();
    const statusOf = async (asked: Record<string, string>, id: string) =>
      (await edge.get({ ...asked, "last-event-id": id })).status;
    expect(await statusOf(headers, priming)).toBe(200);
    expect(await statusOf(other, priming)).toBe(400);
    for (const id of ["", "1", "99-1", "1-1-1", "x-y"]) expect([id, await statusOf(headers, id)]).toEqual([id, 400]);
    await edge.clock.advance(70_000);
    expect(await statusOf(headers, priming)).toBe(400);
  });

  test("finds nothing beyond the bytes that are kept: the oldest go first", async () => {
    await using edge = await startEdge({ limits: { replayBytes: 3000 } });
    const headers = await openSession(edge);
    const primings: string[] = [];
    for (let nth = 1; nth <= 3; nth++) {
      const answer = edge.post(call(nth, "wait"), { headers });
      const { finish } = await edge.tools.arrived(nth);
      await edge.clock.advance(10_000);
      const events = eventsOf(await answer);
      primings.push((await events.next()).value?.id ?? "");
      finish("x".repeat(1000));
      while (!(await events.next()).done);
    }
    const statuses = await Promise.all(
      primings.map(async (id) => (await edge.get({ ...headers, "last-event-id": id })).status),
    );
    expect(statuses).toEqual([400, 200, 200]);
  });

  test("an older revision gets no empty event, which its clients cannot read", async () => {
    await using edge = await startEdge();
    const headers = await openSession(edge, "2025-06-18");
    const answer = edge.post(call(1, "wait"), { headers });
    const { finish } = await edge.tools.arrived(1);
    await edge.clock.advance(10_000);
    finish("done");
    for await (const event of eventsOf(await answer)) expect(event.comment || event.data !== "").toBe(true);
  });
});

test("a reader that does not read is spared the progress, not the result", async () => {
  await using edge = await startEdge({ limits: { unreadBytes: 2000 } });
  const answer = edge.post(call(1, "wait", progressing), { headers: bothTypes });
  const { context, finish } = await edge.tools.arrived(1);
  for (let nth = 0; nth < 100; nth++) {
    context.progress("x".repeat(500));
    await edge.clock.advance(1000);
  }
  finish("the result");
  const messages = await messagesOf(await answer);
  expect(messages.length).toBeLessThan(10);
  expect(messages.at(-1)).toMatchObject({ id: 1, result: text("the result") });
});
