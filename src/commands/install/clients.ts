// The table of MCP clients: where each keeps its configuration and how an entry looks there. The comments name where each fact is from.

import type { ClientName } from "../../config/commands.ts";
import type { JsonRules } from "./json.ts";
import { appData, folderOf, home, joined, type Machine, roaming, xdgConfig } from "./places.ts";

/** How a client gets the token that the server asks for. */
export type Credential =
  | { readonly kind: "none" }
  /** By the name of a variable in the client's own environment. */
  | { readonly kind: "variable"; readonly name: string }
  /** In the file itself. */
  | { readonly kind: "token"; readonly token: string };

/** How this program is started. */
export type Program = { readonly command: string; readonly args: readonly string[] };

export type Entry = Readonly<Record<string, unknown>>;

export type Client = {
  /** As people call it. */
  readonly title: string;
  readonly format: JsonRules | "toml";
  /** Where in the document servers are. */
  readonly container: readonly [string, ...string[]];
  /** The user's own file: the first one that exists, or else the first. */
  readonly userFiles: (machine: Machine) => readonly [string, ...string[]];
  /** The same of a project, from its folder; undefined where the client has none. */
  readonly projectFiles: readonly [string, ...string[]] | undefined;
  /** Undefined where the file takes only programs to start. */
  readonly http: ((url: string, credential: Credential) => Entry) | undefined;
  /** `variables` are those of this environment that the server needs and that no flag can give it. */
  readonly stdio: (program: Program, variables: readonly string[]) => Entry;
  /** Whether a token can be referred to; undefined where there is no HTTP. */
  readonly canRefer: boolean;
  /** Whether `stdio` passes variables on, or the client does anyway. */
  readonly passesVariables: boolean;
  /** How the client itself asks for the token, where it does not read it from the environment. */
  readonly prompt?: { readonly list: readonly [string, ...string[]]; readonly id: string; readonly element: Entry };
  /** What is to be done after a change, one sentence each. */
  readonly next: { readonly user: string; readonly project?: string };
};

const strictJson: JsonRules = { comments: false, trailingCommas: false };
const lenientJson: JsonRules = { comments: true, trailingCommas: true };

const vscodeInput = "msb-mcp-token";

export const clients: Readonly<Record<ClientName, Client>> = {
  // code.claude.com/docs/en/mcp: scopes and their files, ${VAR} in headers and env. Claude Code 2.1.332 itself: ${VAR} holds in
  // the user's file too, CLAUDE_CONFIG_DIR moves that file, and it takes a byte order mark but no comments.
  claude: {
    title: "Claude Code",
    format: strictJson,
    container: ["mcpServers"],
    userFiles: (machine) => [joined(machine, folderOf(machine, "CLAUDE_CONFIG_DIR", machine.homeDir), ".claude.json")],
    projectFiles: [".mcp.json"],
    http: (url, credential) => ({ type: "http", url, ...bearerHeader(credential, (name) => `\${${name}}`) }),
    stdio: ({ command, args }) => ({ type: "stdio", command, args }),
    canRefer: true,
    passesVariables: true,
    next: {
      user: "Start a new session of Claude Code; `claude mcp list` shows the connection.",
      project: "Claude Code asks once, in its next session in this folder, whether to trust the project's servers.",
    },
  },

  // modelcontextprotocol.io/docs/develop/connect-local-servers: the file and its places. Servers by URL are added in the program's
  // own settings ("Connectors"), and reached from Anthropic's machines, so one on this machine cannot be among them
  // (support.claude.com, "Get started with custom connectors using remote MCP"). Linux: Electron's place.
  "claude-desktop": {
    title: "Claude Desktop",
    format: strictJson,
    container: ["mcpServers"],
    userFiles: (machine) => [appData(machine, "Claude", "claude_desktop_config.json")],
    projectFiles: undefined,
    http: undefined,
    stdio: ({ command, args }) => ({ command, args }),
    canRefer: false,
    passesVariables: false,
    next: { user: "Quit Claude Desktop and start it again." },
  },

  // developers.openai.com/codex/mcp and codex-rs/config/src/mcp_types.rs of openai/codex: url, bearer_token_env_var, env_vars.
  codex: {
    title: "Codex",
    format: "toml",
    container: ["mcp_servers"],
    userFiles: (machine) => [joined(machine, folderOf(machine, "CODEX_HOME", home(machine, ".codex")), "config.toml")],
    projectFiles: [".codex/config.toml"],
    http: (url, credential) => {
      switch (credential.kind) {
        case "none":
          return { url };
        case "variable":
          return { url, bearer_token_env_var: credential.name };
        case "token":
          return { url, http_headers: { Authorization: `Bearer ${credential.token}` } };
      }
    },
    stdio: ({ command, args }, variables) => ({
      command,
      args,
      // Codex gives a server only a few variables of its own environment.
      ...(variables.length > 0 && { env_vars: variables }),
    }),
    canRefer: true,
    passesVariables: true,
    next: {
      user: "Start a new session of Codex; `codex mcp list` shows the entry.",
      project: "Codex reads a project's file only in folders that it was told to trust.",
    },
  },

  // cursor.com/docs/mcp: the files, the fields, ${env:NAME} in env, url and headers.
  cursor: {
    title: "Cursor",
    format: lenientJson,
    container: ["mcpServers"],
    userFiles: (machine) => [home(machine, ".cursor", "mcp.json")],
    projectFiles: [".cursor/mcp.json"],
    http: (url, credential) => ({ url, ...bearerHeader(credential, inEnv) }),
    stdio: ({ command, args }, variables) => ({ type: "stdio", command, args, ...referred("env", variables, inEnv) }),
    canRefer: true,
    passesVariables: true,
    next: { user: "Cursor shows the server in its settings under MCP; switch it on there if it is off." },
  },

  // google-gemini/gemini-cli: docs/tools/mcp-server.md (httpUrl is Streamable HTTP), packages/cli/src/config/settings.ts (comments are
  // stripped, then JSON.parse; $VAR and ${VAR} hold in every value), packages/core/src/utils/paths.ts (GEMINI_CLI_HOME).
  gemini: {
    title: "Gemini CLI",
    format: { comments: true, trailingCommas: false },
    container: ["mcpServers"],
    userFiles: (machine) => [
      joined(machine, folderOf(machine, "GEMINI_CLI_HOME", machine.homeDir), ".gemini", "settings.json"),
    ],
    projectFiles: [".gemini/settings.json"],
    http: (url, credential) => ({ httpUrl: url, ...bearerHeader(credential, (name) => `\${${name}}`) }),
    stdio: ({ command, args }, variables) => ({
      command,
      args,
      // Gemini CLI keeps variables whose names look secret from servers, unless they are named here.
      ...referred("env", variables, (name) => `\${${name}}`),
    }),
    canRefer: true,
    passesVariables: true,
    next: {
      user: "Gemini CLI connects in folders that it was told to trust; `gemini mcp list` shows it.",
      project: "Gemini CLI reads a project's file only in folders that it was told to trust.",
    },
  },

  // opencode.ai/v1/docs/mcp-servers and /config: the files, type local or remote, {env:NAME}. opencode.ai/docs/migrate-v1: version 2 reads
  // this form too; its own has the servers one level deeper (see containerIn in document.ts).
  opencode: {
    title: "opencode",
    format: lenientJson,
    container: ["mcp"],
    userFiles: (machine) => [
      xdgConfig(machine, "opencode", "opencode.json"),
      xdgConfig(machine, "opencode", "opencode.jsonc"),
    ],
    projectFiles: ["opencode.json", "opencode.jsonc"],
    http: (url, credential) => ({
      type: "remote",
      url,
      ...bearerHeader(credential, (name) => `{env:${name}}`),
      // With a token there is no OAuth server to look for.
      ...(credential.kind !== "none" && { oauth: false }),
    }),
    stdio: ({ command, args }) => ({ type: "local", command: [command, ...args] }),
    canRefer: true,
    passesVariables: true,
    next: { user: "Start opencode again; `opencode mcp list` shows the connection." },
  },

  // microsoft/vscode-docs: docs/copilot/reference/mcp-configuration.md (servers, inputs, ${input:ID} is asked for once and kept in the
  // system's own store). The user's file is that of the default profile.
  vscode: {
    title: "VS Code",
    format: lenientJson,
    container: ["servers"],
    userFiles: (machine) => [appData(machine, "Code", "User", "mcp.json")],
    projectFiles: [".vscode/mcp.json"],
    http: (url, credential) => ({
      type: "http",
      url,
      ...bearerHeader(credential, () => `\${input:${vscodeInput}}`),
    }),
    stdio: ({ command, args }) => ({ type: "stdio", command, args }),
    canRefer: true,
    passesVariables: true,
    prompt: {
      list: ["inputs"],
      id: vscodeInput,
      element: { type: "promptString", id: vscodeInput, description: "Token of msb-mcp", password: true },
    },
    next: { user: "VS Code starts the server when its tools are used first; `MCP: List Servers` shows it." },
  },

  // docs.windsurf.com/windsurf/cascade/mcp: the file, serverUrl, ${env:NAME} in env and headers.
  windsurf: {
    title: "Windsurf",
    format: lenientJson,
    container: ["mcpServers"],
    userFiles: (machine) => [home(machine, ".codeium", "windsurf", "mcp_config.json")],
    projectFiles: undefined,
    http: (url, credential) => ({ serverUrl: url, ...bearerHeader(credential, inEnv) }),
    stdio: ({ command, args }, variables) => ({ command, args, ...referred("env", variables, inEnv) }),
    canRefer: true,
    passesVariables: true,
    next: { user: "Press the refresh button in Windsurf's list of MCP servers." },
  },

  // zed.dev/docs/ai/mcp: context_servers, url, headers; zed-industries/zed crates/settings_content (project settings have them too).
  // Headers are sent as they stand: zed-industries/zed#60459.
  zed: {
    title: "Zed",
    format: lenientJson,
    container: ["context_servers"],
    userFiles: (machine) => [
      machine.platform === "win32"
        ? roaming(machine, "Zed", "settings.json")
        : joined(machine, zedFolder(machine), "settings.json"),
    ],
    projectFiles: [".zed/settings.json"],
    http: (url, credential) => ({ url, ...bearerHeader(credential, (name) => `\${${name}}`) }),
    stdio: ({ command, args }) => ({ command, args }),
    canRefer: false,
    passesVariables: true,
    next: { user: "Zed takes the change at once; its settings show the server under AI." },
  },
};

/** XDG_CONFIG_HOME counts on Linux only: zed-industries/zed crates/paths/src/paths.rs. */
function zedFolder(machine: Machine): string {
  return machine.platform === "darwin" ? home(machine, ".config", "zed") : xdgConfig(machine, "zed");
}

function inEnv(name: string): string {
  return `\${env:${name}}`;
}

function bearerHeader(credential: Credential, reference: (name: string) => string): Entry {
  switch (credential.kind) {
    case "none":
      return {};
    case "variable":
      return { headers: { Authorization: `Bearer ${reference(credential.name)}` } };
    case "token":
      return { headers: { Authorization: `Bearer ${credential.token}` } };
  }
}

function referred(field: string, variables: readonly string[], reference: (name: string) => string): Entry {
  if (variables.length === 0) return {};
  return { [field]: Object.fromEntries(variables.map((name) => [name, reference(name)])) };
}
