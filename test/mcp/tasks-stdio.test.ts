// Tasks of 2026-07-28 over standard input and output: the same as over HTTP, on one connection.

import { expect, test } from "bun:test";
import { createMcpServer } from "../../src/mcp/server.ts";
import { serveStdio } from "../../src/mcp/stdio.ts";
import { settle } from "../fakes/fake-clock.ts";
import { serveOverFake } from "../fakes/served.ts";
import { description, type JsonRpcAnswer } from "./edge.ts";
import { type Arguments, executionsOf, running } from "./tools/executions.ts";

type Message = JsonRpcAnswer & { readonly method?: string; readonly params?: Arguments; readonly result?: Arguments };

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
};

test("a call becomes a task, whose end is told to who listens, and which can be cancelled; the end of input leaves it", async () => {
  await using served = await serveOverFake();
  const { clock, tools } = served;
  const emit = () => undefined;
  const server = createMcpServer(tools, { description, clock, emit });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const told: Message[] = [];
  const write = (line: string) => void told.push(JSON.parse(line));
  const serving = serveStdio({ emit, server, description, input: readable, write, principal: "local" });
  const send = async (id: number, method: string, params: Arguments) => {
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta } });
    await writer.write(Buffer.from(`${line}\n`));
  };
  const untilTold = async (isIt: (message: Message) => boolean) => {
    for (;;) {
      const found = told.find(isIt);
      if (found !== undefined) return found;
      await settle();
    }
  };
  const answer = (id: number) => untilTold((message) => message.id === id);
  const begin = async (id: number) => {
    const before = executionsOf(served).filter(({ status }) => status === "running").length;
    await send(id, "tools/call", { name: "execute_command", arguments: { command: "forever", timeout: 1000 } });
    await running(served, before + 1);
    await clock.advance(2000);
    const { result } = await answer(id);
    expect(result).toMatchObject({ resultType: "task", status: "working" });
    return String(result?.taskId);
  };

  const taskId = await begin(1);
  await send(2, "tasks/get", { taskId });
  expect(await answer(2)).toMatchObject({ result: { taskId, status: "working" } });
  await send(3, "subscriptions/listen", { notifications: { taskIds: [taskId] } });
  await untilTold(({ method }) => method === "notifications/subscriptions/acknowledged");
  await send(4, "tasks/cancel", { taskId });
  await answer(4);
  const { params } = await untilTold(({ method }) => method === "notifications/tasks");
  expect(params).toMatchObject({ taskId, status: "cancelled" });

  const left = await begin(5);
  await writer.close();
  await serving;
  expect(executionsOf(served).find(({ executionId }) => executionId === left)?.status).toBe("running");
});
