// How long a call waits for its run, by who calls; what a run that goes on is told with; and whom leaving cancels (CONTRACT.md section 9).

import { describe, expect, test } from "bun:test";
import { settle } from "../../fakes/fake-clock.ts";
import { serveOverFake } from "../../fakes/served.ts";
import { messagesOf } from "../edge.ts";
import { type Arguments, contentOf, executionsOf, leave, running, type Served, textOf } from "./executions.ts";

const forever = { command: "print on\nforever", timeout: 1000 };

type Reply = { readonly result: Arguments & { readonly content: readonly { readonly text: string }[] } };

async function post({ url }: Served, params: object, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  return (isStream ? (await messagesOf(response)).at(-1) : await response.json()) as Reply;
}

/** A request of revision 2026-07-28. */
function postModern(served: Served, name: string, args: object): Promise<Reply> {
  const headers = {
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": name,
  };
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return post(served, { name, arguments: args, _meta }, headers);
}

/** Whether it has come by now. */
async function hasCome(answer: Promise<unknown>): Promise<boolean> {
  let come = false;
  void answer.finally(() => {
    come = true;
  });
  await aWhile();
  return come;
}

/** What has been sent has come, and what follows from it has happened. */
async function aWhile(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

describe("a call whose run is not over", () => {
  test("is answered after 50 s to an MCP client, with the output so far and the next call, and the run goes on", async () => {
    await using served = await serveOverFake();
    const answer = served.call("execute_command", forever);
    await running(served);
    await served.clock.advance(49_999);
    expect(await hasCome(answer)).toBe(false);
    await served.clock.advance(1);
    const result = await answer;
    const { execution_id, session_id } = contentOf(result);
    expect(result).toMatchObject({ isError: false, execution_id, session_id, session_created: true });
    expect(contentOf(result)).toMatchObject({ status: "running", stdout: "on\n", stderr: "" });
    expect(result.content).toHaveLength(1);
    expect(textOf(result)).toBe(
      `on\n[session ${session_id} (new) · running after 50 s · ends 60 s after its last use · it goes on: ` +
        `get_execution {"execution_id":"${execution_id}","wait":50} waits for its end, control_execution ends it]`,
    );
    expect(executionsOf(served)).toMatchObject([{ executionId: execution_id, status: "running" }]);
  });

  test("is answered so to a client of 2026-07-28, too", async () => {
    await using served = await serveOverFake();
    const answer = postModern(served, "execute_command", forever);
    await running(served);
    await served.clock.advance(50_000);
    expect(await answer).toMatchObject({
      result: { resultType: "complete", isError: false, structuredContent: { status: "running", stdout: "on\n" } },
    });
  });

  test("waits to the end of the run for a program that sends bare JSON-RPC", async () => {
    await using served = await serveOverFake();
    const answer = post(served, { name: "execute_command", arguments: { ...forever, timeout: 200 } });
    await running(served);
    await served.clock.advance(199_000);
    expect(await hasCome(answer)).toBe(false);
    await served.clock.advance(1000);
    expect(await answer).toMatchObject({ result: { structuredContent: { status: "ended", ended: "timed_out" } } });
  });

  test("gives a program that names a wait the output alone in the first block", async () => {
    await using served = await serveOverFake();
    const answer = post(served, { name: "execute_command", arguments: { ...forever, wait: 2 } });
    await running(served);
    await served.clock.advance(2000);
    const { result } = await answer;
    expect(result.content).toMatchObject([{ text: "on\n" }, { text: expect.stringContaining("running after 2 s") }]);
    expect(result).toMatchObject({ isError: false, structuredContent: { status: "running" } });
  });

  test("is answered at once with a wait of 0", async () => {
    await using served = await serveOverFake();
    const result = await leave(served, "forever");
    expect(contentOf(result).status).toBeOneOf(["queued", "running"]);
    expect(textOf(result)).toContain(" after 0 s · ");
  });

  test("shows a client that asked for it what the run writes, and a sign of life, while it waits", async () => {
    await using served = await serveOverFake();
    const told: (string | undefined)[] = [];
    const onprogress = ({ message }: { message?: string | undefined }) => void told.push(message);
    const answer = served.client.callTool({ name: "execute_command", arguments: forever }, undefined, { onprogress });
    await running(served);
    for (let second = 0; second < 25; second++) await served.clock.advance(1000);
    while (told.length < 3) await settle();
    expect(told).toEqual(["on\n", undefined, undefined]);
    await served.clock.advance(25_000);
    const { structuredContent } = await answer;
    const look = { execution_id: (structuredContent as Arguments).execution_id, wait: 30 };
    told.length = 0;
    const looked = served.client.callTool({ name: "get_execution", arguments: look }, undefined, { onprogress });
    const sleeping = served.clock.sleeping;
    while (served.clock.sleeping < sleeping + 2) await settle();
    await served.clock.advance(10_000);
    while (told.length === 0) await settle();
    await served.clock.advance(20_000);
    expect(await looked).toMatchObject({ structuredContent: { status: "running" } });
  });
});

describe("a client that cancels", () => {
  test("has canceled the run before it was told that it goes on", async () => {
    await using served = await serveOverFake();
    const leaving = new AbortController();
    const call = { name: "execute_command", arguments: forever };
    const answer = served.client.callTool(call, undefined, { signal: leaving.signal }).catch(() => "canceled");
    await running(served);
    leaving.abort();
    expect(await answer).toBe("canceled");
    while (executionsOf(served)[0]?.status !== "ended") await settle();
    expect(executionsOf(served)).toMatchObject([{ ended: "canceled" }]);
  });

  test("has not, after that", async () => {
    await using served = await serveOverFake();
    await leave(served, "forever");
    await running(served);
    await served.client.close();
    await aWhile();
    expect(executionsOf(served)).toMatchObject([{ status: "running" }]);
  });

  test("while it looks at a run has not canceled that", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "forever");
    await running(served);
    const leaving = new AbortController();
    const call = { name: "get_execution", arguments: { execution_id, wait: 50 } };
    const sleeping = served.clock.sleeping;
    const answer = served.client.callTool(call, undefined, { signal: leaving.signal }).catch(() => "canceled");
    while (served.clock.sleeping === sleeping) await settle();
    leaving.abort();
    expect(await answer).toBe("canceled");
    while (served.clock.sleeping > sleeping) await settle();
    expect(executionsOf(served)).toMatchObject([{ status: "running" }]);
  });
});
