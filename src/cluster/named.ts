// What a call names, as far as it has to be known to find its node: validation is the tool's own.

import { unwrapped } from "../mcp/tool.ts";
import type { ToolSet } from "../mcp/tool-set.ts";

export type Named = {
  readonly sessionId: string | undefined;
  readonly executionId: string | undefined;
  readonly template: string | undefined;
  readonly flavor: string | undefined;
};

export function namedIn(args: unknown): Named {
  const inner = unwrapped(args);
  const record = typeof inner === "object" && inner !== null ? inner : {};
  return {
    sessionId: textOf(record, "session_id"),
    executionId: textOf(record, "execution_id"),
    template: textOf(record, "template"),
    flavor: textOf(record, "flavor"),
  };
}

/** Undefined for an empty one, which is left out. */
function textOf(record: object, name: string): string | undefined {
  const value = Object.hasOwn(record, name) ? (record as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The tools that open a session where none is named. */
export function openingTools(tools: ToolSet): ReadonlySet<string> {
  const opening = tools.list().filter(({ annotations, inputSchema }) => {
    const { properties = {}, required = [] } = inputSchema;
    return annotations?.readOnlyHint === false && "session_id" in properties && !required.includes("session_id");
  });
  return new Set(opening.map(({ name }) => name));
}
