// ui://msb-mcp/…: the pages that hosts with MCP Apps show results in.

import { resultPage, resultPageMeta, resultPageText } from "../apps/page.ts";
import type { ResourceScheme } from "./table.ts";

export function pages(): ResourceScheme {
  const { uri, mimeType } = resultPage;
  const text = resultPageText();
  return {
    prefix: "ui://msb-mcp/",
    resources: [{ ...resultPage, _meta: resultPageMeta }],
    templates: [],
    read: (asked) => (asked === uri ? { contents: [{ uri, mimeType, text, _meta: resultPageMeta }] } : undefined),
  };
}
