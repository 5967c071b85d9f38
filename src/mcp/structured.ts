// Whether a result has structured content beside its blocks (`--structured-content`).

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { ToolAnswer } from "./tool-set.ts";

/**
 * `auto`: not where there is a picture, because some hosts that get both show their model no picture (anthropics/claude-code#54737). What is on the
 * result itself, as `session_id`, stays.
 */
export type StructuredContent = "auto" | "always" | "never";

export function structuredAs<T extends ToolAnswer>(answer: T, mode: StructuredContent): T {
  if (mode === "always" || !("structuredContent" in answer)) return answer;
  if (mode === "auto" && !hasPicture(answer)) return answer;
  const { structuredContent: _, ...rest } = answer;
  return rest as T;
}

function hasPicture({ content }: Partial<CallToolResult>): boolean {
  return content?.some(({ type }) => type === "image") ?? false;
}
