// The result of a tool that answers with one object.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";

/** The object as `structuredContent`, as JSON text, and with its outer fields on the result (CONTRACT.md section 5). */
export function plainResult(object: Readonly<Record<string, unknown>>): CallToolResult {
  return {
    ...object,
    content: [{ type: "text", text: JSON.stringify(object) }],
    isError: false,
    structuredContent: object,
  };
}
