// The parts of docs/reference/errors.md: the one table of failures, and an error as it goes to the wire.

import { failureTable } from "../../src/failure.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";
import type { ToolSet } from "../../src/mcp/tool-set.ts";
import { markdownTable } from "./markdown.ts";

export function errorsTable(): string {
  const rows = Object.entries(failureTable).map(([kind, row]) => [
    `\`${kind}\``,
    `\`${row.errorCode}\``,
    String(row.code),
    row.category,
    row.severity,
    `${row.prefix}:`,
    row.advice,
  ]);
  const head = ["kind", "`error_code`", "`code`", "`category`", "`severity`", "the message begins", "what to do"];
  return markdownTable(head, rows);
}

/** Of a call that names a timeout that is too long. */
export async function errorExample(tools: ToolSet): Promise<string> {
  const error = await thrownBy(
    async () => await tools.call("execute_code", { code: "1", timeout: 100_000 }, context()),
  );
  if (!(error instanceof ProtocolError)) throw new Error("the example of an error is none");
  const { code, message, data } = error;
  return `\`\`\`json\n${JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code, message, data } }, null, 2)}\n\`\`\``;
}

async function thrownBy(act: () => Promise<unknown>): Promise<unknown> {
  return await act().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

function context() {
  return {
    principal: "local",
    audience: "program" as const,
    takesLinks: false,
    mayBecomeTask: false,
    signal: new AbortController().signal,
    requestId: "example",
    account: { spentMs: null, failure: undefined },
    progress: () => undefined,
  };
}
