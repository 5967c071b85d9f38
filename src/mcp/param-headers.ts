// Arguments of tools that clients of 2026-07-28 send as headers too (`x-mcp-header` in a tool's schema), so that a balancer can hash on them.

import type { Tool } from "@modelcontextprotocol/sdk/types.js";
import { isRecord } from "./messages.ts";

export const headerAnnotation = "x-mcp-header";

type ParamHeader = { readonly param: string; readonly header: string };

/** By the tool's name. */
export type ParamHeaders = ReadonlyMap<string, readonly ParamHeader[]>;

export function paramHeadersOf(tools: readonly Tool[]): ParamHeaders {
  return new Map(tools.map(({ name, inputSchema }) => [name, headersIn(inputSchema.properties ?? {})]));
}

/** The tools for the revisions before, in which strict validators of schemas do not know the annotation. */
export function withoutHeaders(tools: readonly Tool[]): readonly Tool[] {
  return tools.map((tool) => {
    const { properties } = tool.inputSchema;
    if (properties === undefined || headersIn(properties).length === 0) return tool;
    const plain = Object.entries(properties).map(
      ([name, { [headerAnnotation]: _, ...schema }]: [string, object & Annotated]) => [name, schema],
    );
    return { ...tool, inputSchema: { ...tool.inputSchema, properties: Object.fromEntries(plain) } };
  });
}

type Annotated = { readonly [headerAnnotation]?: unknown };

function headersIn(properties: Readonly<Record<string, object>>): readonly ParamHeader[] {
  return Object.entries(properties).flatMap(([param, schema]: [string, Annotated]) => {
    const name = schema[headerAnnotation];
    return typeof name === "string" ? [{ param, header: `Mcp-Param-${name}` }] : [];
  });
}

/** The text that a header has to carry; undefined if there is to be none. An empty argument is as none. */
export function headerText(args: unknown, param: string): string | undefined {
  const value = isRecord(args) ? args[param] : undefined;
  if (value === undefined || value === null || value === "") return undefined;
  return typeof value === "object" ? undefined : String(value);
}
