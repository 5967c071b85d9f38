// Executions of a served fake as its clients make and see them.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { RunRequest } from "../../../src/sandbox/port.ts";
import type { ExecutionView } from "../../../src/sessions/executions/execution.ts";
import { settle } from "../../fakes/fake-clock.ts";
import type { serveOverFake } from "../../fakes/served.ts";

export type Served = Awaited<ReturnType<typeof serveOverFake>>;
export type Arguments = Readonly<Record<string, unknown>>;

/** Of all sessions of the client's principal, the oldest first. */
export function executionsOf({ sessions }: Served): readonly ExecutionView[] {
  return sessions.list("local").flatMap(({ sessionId }) => sessions.executionsOf(sessionId));
}

/** Resolves when so many are running. */
export async function running(served: Served, count = 1): Promise<void> {
  while (executionsOf(served).filter(({ status }) => status === "running").length < count) await settle();
}

/** Starts a command, and does not wait for it. */
export async function leave(served: Served, command: string, more: Arguments = {}): Promise<CallToolResult> {
  const before = executionsOf(served).length;
  const answer = served.call("execute_command", { command, wait: 0, ...more });
  while (executionsOf(served).length === before) await settle();
  await served.clock.advance(0);
  return await answer;
}

/** A run that writes and ends when the test says so. */
export async function steered(served: Served) {
  const begun = Promise.withResolvers<RunRequest>();
  const over = Promise.withResolvers<void>();
  served.host.script = async (request, _sandbox, toy) => {
    begun.resolve(request);
    await over.promise;
    return await toy();
  };
  const { execution_id, session_id } = await leave(served, "None");
  const { onOutput } = await begun.promise;
  served.host.script = (_request, _sandbox, toy) => toy();
  return {
    execution_id,
    session_id,
    write: (text: string | Uint8Array, stream: "stdout" | "stderr" = "stdout") =>
      onOutput(stream, typeof text === "string" ? Buffer.from(text) : text),
    end: async () => {
      over.resolve();
      await settle();
    },
  };
}

export function contentOf({ structuredContent }: CallToolResult): Arguments {
  return structuredContent ?? {};
}

export function textOf({ content }: CallToolResult): string {
  const [first] = content;
  return first?.type === "text" ? first.text : "";
}
