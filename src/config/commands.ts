// The one table of commands: their names, operands and switches. `--help`, the command line and the shells' completions come from it;
// what a command does is in src/commands/.

export type Command =
  | "serve"
  | "doctor"
  | "pull"
  | "health"
  | "token"
  | "nodes"
  | "sessions"
  | "drain"
  | "install"
  | "uninstall"
  | "list"
  | "completions";

/** The MCP clients whose configuration files `install` knows. */
export const clientNames = [
  "claude",
  "claude-desktop",
  "codex",
  "cursor",
  "gemini",
  "opencode",
  "vscode",
  "windsurf",
  "zed",
] as const;

export type ClientName = (typeof clientNames)[number];

/** The shells that `completions` knows. */
export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

export type Operand = {
  /** As `--help` shows it. */
  readonly name: string;
  readonly isRequired: boolean;
  /** All that is allowed, where that can be told. */
  readonly choices?: readonly string[];
};

/** A flag that only some commands know: without a value, or with one text, which the placeholder stands for. */
export type Switch = { readonly name: `--${string}`; readonly summary: string; readonly placeholder?: string };

export type CommandEntry = {
  readonly name: Command;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly operands: readonly Operand[];
  readonly switches: readonly Switch[];
};

const json: Switch = { name: "--json", summary: "answer in JSON, for programs" };
const client: Operand = { name: "CLIENT", isRequired: true, choices: clientNames };
const dryRun: Switch = { name: "--dry-run", summary: "show the change, and write nothing" };
const project: Switch = { name: "--project", summary: "in the project's file in this folder, not in the user's own" };
const force: Switch = { name: "--force", summary: "even if the entry of this name is not one of msb-mcp" };

export const commands: readonly CommandEntry[] = [
  { name: "serve", summary: "serve MCP (the default)", operands: [], switches: [] },
  { name: "doctor", summary: "tell what this machine can run, and what is missing", operands: [], switches: [json] },
  {
    name: "pull",
    summary: "fetch the images of all templates ahead, and build their packages",
    operands: [],
    switches: [{ name: "--template", placeholder: "NAME", summary: "only of this one, such as data" }],
  },
  {
    name: "health",
    summary: "ask a running server whether it serves; exit status 0 or 1",
    operands: [{ name: "URL", isRequired: false }],
    switches: [{ name: "--ready", summary: "ask whether a sandbox can be had, too" }],
  },
  { name: "token", summary: "print the token that a server made at its first start", operands: [], switches: [] },
  { name: "nodes", summary: "list the servers of a cluster, and how they stand", operands: [], switches: [json] },
  {
    name: "sessions",
    summary: "list the sessions of this machine's server, or of all nodes",
    operands: [],
    switches: [json],
  },
  {
    name: "drain",
    summary: "have this machine's server, or a node, open no new sessions",
    operands: [{ name: "NODE", isRequired: false }],
    switches: [{ name: "--undo", summary: "have it open new sessions again" }],
  },
  {
    name: "install",
    summary: "connect an MCP client: put this server into its configuration file",
    operands: [client, { name: "URL", isRequired: false }],
    switches: [dryRun, { name: "--print", summary: "write only the entry, for pasting" }, project, force],
  },
  {
    name: "uninstall",
    summary: "take this server out of an MCP client's configuration file",
    operands: [client],
    switches: [dryRun, project, force],
  },
  { name: "list", summary: "tell which MCP clients have this server", operands: [], switches: [json] },
  {
    name: "completions",
    summary: `print the completions of a shell: ${shells.join(", ")}`,
    operands: [{ name: "SHELL", isRequired: true, choices: shells }],
    switches: [],
  },
];

/** `health [URL]`. */
export function usageOf({ name, operands }: CommandEntry): string {
  return [name, ...operands.map((operand) => (operand.isRequired ? operand.name : `[${operand.name}]`))].join(" ");
}
