// The page that shows a result in hosts with MCP Apps (extension `io.modelcontextprotocol/ui`, 2026-01-26): one text, the same for all results,
// which come to it from the host. It reaches no network, and needs none.

import { joinCommonJs } from "../../sandbox/runner/join.ts";
import blocks from "./blocks.cjs" with { type: "text" };
import bridge from "./bridge.cjs" with { type: "text" };
import view from "./view.cjs" with { type: "text" };
import style from "./view.css" with { type: "text" };

export const uiExtension = "io.modelcontextprotocol/ui";

export const resultPage = {
  uri: "ui://msb-mcp/result",
  name: "result",
  title: "Result of a run",
  description: "Shows the output, pictures, tables and files of a run.",
  mimeType: "text/html;profile=mcp-app",
} as const;

/** For tools whose results it shows. */
export const shownByResultPage = { ui: { resourceUri: resultPage.uri } } as const;

/** What the host is to let it do: nothing. A host's own policy for pages comes on top of the page's. */
export const resultPageMeta = {
  ui: { csp: { connectDomains: [], resourceDomains: [], frameDomains: [], baseUriDomains: [] }, prefersBorder: true },
} as const;

const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

export function resultPageText(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${resultPage.title}</title>
<style>
${style}</style>
</head>
<body>
<script>
${joinCommonJs([bridge, blocks, view])}</script>
</body>
</html>
`;
}
