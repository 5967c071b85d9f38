// Links that put the server into an editor by one click: for a server on this machine at its default address.

import { clients } from "../../src/commands/install/clients.ts";
import { entryName } from "../../src/commands/install/entry.ts";

export type InstallLink = { readonly title: string; readonly url: string };

/** code.visualstudio.com/api/extension-guides/ai/mcp (a URL handler, and its redirect for pages that allow only https) and cursor.com/docs/mcp/install-links. */
export function installLinks(serverUrl: string): readonly InstallLink[] {
  const { vscode, cursor } = clients;
  const configOf = (client: typeof vscode) => JSON.stringify(client.http?.(serverUrl, { kind: "none" }));
  return [
    {
      title: vscode.title,
      url: `https://vscode.dev/redirect/mcp/install?name=${entryName}&config=${encodeURIComponent(configOf(vscode))}`,
    },
    {
      title: cursor.title,
      url: `https://cursor.com/en/install-mcp?name=${entryName}&config=${encodeURIComponent(btoa(configOf(cursor)))}`,
    },
  ];
}

/** One line of Markdown, for a server at the default address. */
export function installLinksMarkdown(): string {
  return installLinks("http://localhost:8000/mcp")
    .map(({ title, url }) => `[Add to ${title}](${url})`)
    .join(" · ");
}
