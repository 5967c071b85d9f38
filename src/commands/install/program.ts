// How a client is to start this very program: the shortest path that stays right after an upgrade.

import type { Program } from "./clients.ts";

export type Running = {
  /** The executable's own path. */
  readonly execPath: string;
  /** The file that Bun was told to run; undefined for the one executable. */
  readonly script: string | undefined;
  readonly platform: string;
  /** The program of that name on PATH. */
  readonly which: (name: string) => string | undefined;
  /** Links followed. */
  readonly realpath: (path: string) => string;
};

/** `note` is what the user should know of the choice. */
export function programOf(running: Running): { readonly program: Program; readonly note?: string } {
  const { execPath, script, platform, which, realpath } = running;
  if (script !== undefined) return { program: { command: execPath, args: [script] } };
  // Caches of npx and bunx are emptied without notice.
  if (/[\\/](?:_npx|bunx-[^\\/]*)[\\/]/.test(execPath)) {
    const args = ["-y", "msb-mcp"];
    return {
      // Windows finds npx only through its shell: code.claude.com/docs/en/mcp.
      program: platform === "win32" ? { command: "cmd", args: ["/c", "npx", ...args] } : { command: "npx", args },
      note: "This program runs from a cache of npx, so the client starts it with npx, too: the newest version each time.",
    };
  }
  // A link such as /opt/homebrew/bin/msb-mcp outlives the version that it leads to.
  const linked = which("msb-mcp");
  const isSame = linked !== undefined && realpath(linked) === realpath(execPath);
  return { program: { command: isSame ? linked : execPath, args: [] } };
}
