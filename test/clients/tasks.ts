// @modelcontextprotocol/client with @modelcontextprotocol/ext-tasks: a call of a tool that may become a task. The client leaves the requests of
// tasks to its host, which sends them over the same connection: that is all that is written here.

import { Client, type Transport } from "@modelcontextprotocol/client";
import {
  createTaskSessionFromClient,
  type JsonRpcResponse,
  type RawClientDispatch,
  type TaskEnabledSession,
} from "@modelcontextprotocol/ext-tasks/client";
import { isRecord } from "./client.ts";

const protocolVersion = "2026-07-28";
const clientInfo = { name: "tasks", version: "1" };

export type TaskClient = AsyncDisposable & { readonly session: TaskEnabledSession };

export async function openTaskClient(transport: Transport): Promise<TaskClient> {
  const client = new Client(clientInfo, { versionNegotiation: { mode: { pin: protocolVersion } } });
  await client.connect(transport);
  const session = createTaskSessionFromClient(client, {
    endpointId: "under-test",
    rawDispatch: dispatchOver(transport),
    v2RequestFraming: { protocolVersion, clientInfo, clientCapabilities: {} },
  });
  return {
    session,
    [Symbol.asyncDispose]: async () => {
      await session.close();
      await client.close();
    },
  };
}

/** Answers to requests of its own go no further; all else is the client's. */
function dispatchOver(transport: Transport): RawClientDispatch {
  const awaited = new Map<unknown, (response: JsonRpcResponse) => void>();
  const pass = transport.onmessage;
  transport.onmessage = (message, extra) => {
    const answer: unknown = message;
    const resolve = isRecord(answer) && !("method" in answer) ? awaited.get(answer.id) : undefined;
    if (resolve === undefined || !isRecord(answer)) return pass?.(message, extra);
    awaited.delete(answer.id);
    resolve(("error" in answer ? { kind: "error", ...answer } : { kind: "result", ...answer }) as JsonRpcResponse);
  };
  return async (request) => {
    const id = `task-${crypto.randomUUID()}`;
    const answer = new Promise<JsonRpcResponse>((resolve) => awaited.set(id, resolve));
    if (!isRecord(request) || typeof request.method !== "string") throw new Error("no request");
    await transport.send({ ...request, method: request.method, jsonrpc: "2.0", id });
    return await answer;
  };
}
