// Options of the server itself: where it listens, what it writes, when it stops.

import { hostName, httpUrl } from "../addresses.ts";
import { boolean, choice, folders, path, seconds, wholeNumber } from "../kinds.ts";
import { noneByDefault, type Option, optional, withDefault } from "./option.ts";

export const serverOptions = {
  host: withDefault("localhost", {
    flag: "--host",
    variable: "MCP_SERVER_HOST",
    group: "Server",
    summary: "Where to listen",
    kind: hostName,
  }),
  port: withDefault("8000", {
    flag: "--port",
    variable: "MCP_SERVER_PORT",
    group: "Server",
    summary: "Port to listen on; 0 picks a free one",
    kind: wholeNumber(0, 65_535),
  }),
  transport: withDefault("http", {
    flag: "--transport",
    variable: "MCP_TRANSPORT",
    group: "Server",
    summary: "How clients speak to the server",
    kind: choice(["http", "stdio"]),
  }),
  logLevel: withDefault("INFO", {
    flag: "--log-level",
    variable: "MCP_LOG_LEVEL",
    group: "Server",
    summary: "The least severe messages to log",
    kind: choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
  }),
  publicUrl: optional({
    flag: "--public-url",
    variable: "MCP_PUBLIC_URL",
    group: "Server",
    summary: "Where clients reach this server, if a proxy stands before it: the base of the URLs of files",
    kind: httpUrl,
  }),
  transferDirs: noneByDefault({
    flag: "--transfer-dir",
    variable: "MCP_TRANSFER_DIR",
    group: "Server",
    summary: "Folder of this machine that files may be copied from and to (stdio transport, which has no URLs)",
    kind: folders,
  }),
  fileUrlLifetimeMs: withDefault("3600", {
    flag: "--file-url-lifetime",
    variable: "MCP_FILE_URL_LIFETIME",
    group: "Server",
    summary: "How long a URL for a file works",
    kind: seconds(10, 86_400),
  }),
  drainTimeoutMs: {
    ...optional({
      flag: "--drain-timeout",
      variable: "MSB_MCP_DRAIN_TIMEOUT",
      group: "Server",
      summary:
        "How long sessions may go on once the server is to take no new ones (SIGTERM or POST /drain); those that are left are ended then",
      kind: seconds(0, 86_400),
    }),
    fallbackShown: "at SIGTERM, running calls have 10 s; after POST /drain, unlimited",
  },
  keepSessions: withDefault("false", {
    flag: "--keep-sessions",
    variable: "MSB_MCP_KEEP_SESSIONS",
    group: "Server",
    summary:
      "Whether sessions go on at SIGTERM, for the next server on this state directory, where the backend can keep them (microvm, cloud)",
    kind: boolean,
  }),
  logFormat: {
    ...optional({
      flag: "--log-format",
      variable: "MCP_LOG_FORMAT",
      group: "Server",
      summary: "How the log on stderr is written",
      kind: choice(["json", "human"]),
    }),
    fallbackShown: "human on a terminal, else json",
  },
  auditFile: optional({
    flag: "--audit-file",
    variable: "MCP_AUDIT_FILE",
    group: "Server",
    summary: "File that gets a JSON line for each execution and each transfer of a file: who, what, and how it ended",
    kind: path,
  }),
  auditSource: withDefault("false", {
    flag: "--audit-source",
    variable: "MCP_AUDIT_SOURCE",
    group: "Server",
    summary: "Write the source itself into the audit file, beside its hash",
    kind: boolean,
  }),
  toolErrors: withDefault("auto", {
    flag: "--tool-errors",
    variable: "MCP_TOOL_ERRORS",
    group: "Server",
    summary:
      "Calls that failed answer a JSON-RPC error, or a tool result with isError; auto: results for MCP clients, errors for bare JSON-RPC",
    kind: choice(["auto", "error", "result"]),
  }),
  structuredContent: withDefault("auto", {
    flag: "--structured-content",
    variable: "MCP_STRUCTURED_CONTENT",
    group: "Server",
    summary:
      "Results have structuredContent beside their blocks; auto: not those with a picture, which some clients would not show then",
    kind: choice(["auto", "always", "never"]),
  }),
  stateDir: {
    flag: "--state-dir",
    variable: "MSB_MCP_STATE_DIR",
    group: "Server",
    summary: "Folder for what outlives the server; created with mode 0700",
    kind: path,
    fallback: ({ stateHome, homeDir }) => `${stateHome ?? `${homeDir}/.local/state`}/msb-mcp`,
    fallbackShown: "$XDG_STATE_HOME/msb-mcp or ~/.local/state/msb-mcp",
  } satisfies Option<string>,
} as const;
