import { expect, test } from "bun:test";
import { clients } from "../../../src/commands/install/clients.ts";
import { clientNames } from "../../../src/config/commands.ts";
import { machineAt } from "./machine.ts";

function files(platform: string, homeDir: string, variables: Record<string, string> = {}): Record<string, string> {
  const machine = machineAt(homeDir, { platform, variables });
  return Object.fromEntries(clientNames.map((name) => [name, clients[name].userFiles(machine)[0]]));
}

test("each client's own file is where the client looks for it on Linux", () => {
  expect(files("linux", "/home/ada")).toEqual({
    claude: "/home/ada/.claude.json",
    "claude-desktop": "/home/ada/.config/Claude/claude_desktop_config.json",
    codex: "/home/ada/.codex/config.toml",
    cursor: "/home/ada/.cursor/mcp.json",
    gemini: "/home/ada/.gemini/settings.json",
    opencode: "/home/ada/.config/opencode/opencode.json",
    vscode: "/home/ada/.config/Code/User/mcp.json",
    windsurf: "/home/ada/.codeium/windsurf/mcp_config.json",
    zed: "/home/ada/.config/zed/settings.json",
  });
});

test("each client's own file is where the client looks for it on macOS", () => {
  expect(files("darwin", "/Users/ada", { XDG_CONFIG_HOME: "/Users/ada/xdg" })).toEqual({
    claude: "/Users/ada/.claude.json",
    "claude-desktop": "/Users/ada/Library/Application Support/Claude/claude_desktop_config.json",
    codex: "/Users/ada/.codex/config.toml",
    cursor: "/Users/ada/.cursor/mcp.json",
    gemini: "/Users/ada/.gemini/settings.json",
    opencode: "/Users/ada/xdg/opencode/opencode.json",
    vscode: "/Users/ada/Library/Application Support/Code/User/mcp.json",
    windsurf: "/Users/ada/.codeium/windsurf/mcp_config.json",
    zed: "/Users/ada/.config/zed/settings.json",
  });
});

test("each client's own file is where the client looks for it on Windows", () => {
  const home = "C:\\Users\\Ada";
  expect(files("win32", home, { APPDATA: "D:\\Roaming" })).toEqual({
    claude: `${home}\\.claude.json`,
    "claude-desktop": "D:\\Roaming\\Claude\\claude_desktop_config.json",
    codex: `${home}\\.codex\\config.toml`,
    cursor: `${home}\\.cursor\\mcp.json`,
    gemini: `${home}\\.gemini\\settings.json`,
    opencode: `${home}\\.config\\opencode\\opencode.json`,
    vscode: "D:\\Roaming\\Code\\User\\mcp.json",
    windsurf: `${home}\\.codeium\\windsurf\\mcp_config.json`,
    zed: "D:\\Roaming\\Zed\\settings.json",
  });
  expect(files("win32", home).vscode).toBe(`${home}\\AppData\\Roaming\\Code\\User\\mcp.json`);
});

test("the variables that move a client's file are followed, and relative ones are not", () => {
  const moved = {
    CLAUDE_CONFIG_DIR: "/etc/claude",
    CODEX_HOME: "/etc/codex",
    GEMINI_CLI_HOME: "/etc/gemini",
    XDG_CONFIG_HOME: "/etc/xdg",
  };
  expect(files("linux", "/home/ada", moved)).toMatchObject({
    claude: "/etc/claude/.claude.json",
    codex: "/etc/codex/config.toml",
    gemini: "/etc/gemini/.gemini/settings.json",
    opencode: "/etc/xdg/opencode/opencode.json",
    vscode: "/etc/xdg/Code/User/mcp.json",
    zed: "/etc/xdg/zed/settings.json",
  });
  expect(files("linux", "/home/ada", { CODEX_HOME: "codex", XDG_CONFIG_HOME: "" })).toEqual(
    files("linux", "/home/ada"),
  );
});
