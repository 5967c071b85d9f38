// Progress: who asked for it gets it, growing, not too often, not too long, and a sign of life when there is nothing to say.

import { expect, test } from "bun:test";
import { bothTypes, call, messagesOf, startEdge } from "./edge.ts";

type Sent = {
  readonly method?: string;
  readonly params?: { readonly progressToken: number; readonly progress: number; readonly message?: string };
};

async function progressOf(response: Response) {
  const messages = (await messagesOf(response)) as Sent[];
  return messages.filter(({ method }) => method === "notifications/progress").map(({ params }) => params);
}

test("output is gathered between two notifications, each with a greater progress", async () => {
  await using edge = await startEdge();
  const answer = edge.post(call(1, "wait", { _meta: { progressToken: 0 } }), { headers: bothTypes });
  const { context, finish } = await edge.tools.arrived(1);
  for (const piece of ["a", "b", "c"]) context.progress(piece);
  await edge.clock.advance(300);
  context.progress("d");
  await edge.clock.advance(300);
  finish("");
  expect(await progressOf(await answer)).toEqual([
    { progressToken: 0, progress: 1, message: "a" },
    { progressToken: 0, progress: 2, message: "bc" },
    { progressToken: 0, progress: 3, message: "d" },
  ]);
});

test("a flood is cut to its newest part, four times a second at most", async () => {
  await using edge = await startEdge();
  const answer = edge.post(call(1, "wait", { _meta: { progressToken: 1 } }), { headers: bothTypes });
  const { context, finish } = await edge.tools.arrived(1);
  for (let piece = 0; piece < 1000; piece++) {
    context.progress("x".repeat(1000));
    await edge.clock.advance(10);
  }
  context.progress("end");
  await edge.clock.advance(250);
  finish("");
  const sent = await progressOf(await answer);
  expect(sent.length).toBeLessThanOrEqual(42);
  for (const params of sent) expect(params?.message?.length).toBeLessThanOrEqual(8192);
  expect(sent.at(-1)?.message).toEndWith("end");
});

test("a silent run shows life often enough for the 60 s timers of SDK clients", async () => {
  await using edge = await startEdge();
  const answer = edge.post(call(1, "wait", { _meta: { progressToken: 1 } }), { headers: bothTypes });
  const { finish } = await edge.tools.arrived(1);
  await edge.clock.advance(65_000);
  finish("");
  const sent = await progressOf(await answer);
  expect(sent).toHaveLength(6);
  expect(sent.map((params) => params?.progress)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("nothing is sent to a client that gave no token, nor after the result", async () => {
  await using edge = await startEdge();
  const silent = edge.post(call(1, "wait"), { headers: { accept: "text/event-stream" } });
  const first = await edge.tools.arrived(1);
  first.context.progress("unasked");
  await edge.clock.advance(60_000);
  first.finish("");
  expect(await progressOf(await silent)).toEqual([]);

  const asked = edge.post(call(2, "wait", { _meta: { progressToken: 1 } }), { headers: bothTypes });
  const second = await edge.tools.arrived(2);
  second.finish("");
  expect((await asked).headers.get("content-type")).toBe("application/json");
  second.context.progress("too late");
  await edge.clock.advance(60_000);
  expect(edge.clock.sleeping).toBe(1); // the edge's own beat
});
