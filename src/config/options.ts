// The one table of options. Types, parsing, `--help` and docs/reference/options.md all come from it; an option is one entry here.

import { authProblems } from "../http/auth/problems.ts";
import { beyondBackend } from "../sandbox/abilities.ts";
import { dataTemplate } from "../sandbox/data-template.ts";
import { defaultFlavors, type Flavors, flavorNames } from "../sandbox/flavors.ts";
import type { InterpreterPaths } from "../sandbox/interpreter-paths.ts";
import { type OuterProxy, parseOuterProxy } from "../sandbox/outer-proxy.ts";
import type { PackageIndexes } from "../sandbox/packages.ts";
import { unreachableSecrets } from "../sandbox/secrets.ts";
import { defaultTemplates, type Template } from "../sandbox/templates.ts";
import { hostName, hosts, httpUrl, issuerUrl, origins } from "./addresses.ts";
import { clusterName, clusterProblems, registryUrl } from "./cluster.ts";
import { longSecret, longToken, namedTokens, scopes, secret } from "./credentials.ts";
import { boolean, choice, folders, type Kind, type Place, path, seconds, text, volumes, wholeNumber } from "./kinds.ts";
import { poolShares, unknownShares } from "./pool.ts";
import {
  archiveFile,
  flavorSizes,
  interpreterPaths,
  networkPolicy,
  outerProxy,
  packageIndexes,
  secretBindings,
  templatesFile,
} from "./sandboxes.ts";

export type Option<T> = {
  /** Undefined for a secret that must not be seen in a list of processes. */
  readonly flag: `--${string}` | undefined;
  readonly variable: string;
  readonly group: "Server" | "Access" | "Cluster" | "Sandboxes" | "Limits";
  /** One line, without a full stop. */
  readonly summary: string;
  readonly kind: Kind<T>;
  /** The value of an option that was not given. */
  readonly fallback: (place: Place) => T;
  /** The fallback in words; undefined where it is nothing. */
  readonly fallbackShown: string | undefined;
};

type Entry<T> = Omit<Option<T>, "fallback" | "fallbackShown">;

export type Config = {
  readonly [Name in OptionName]: (typeof options)[Name] extends Option<infer T> ? T : never;
};

export type OptionName = keyof typeof options;

const KIB = 1024;
const MIB = 1024 * KIB;

export const options = {
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

  auth: withDefault("auto", {
    flag: "--auth",
    variable: "MCP_AUTH",
    group: "Access",
    summary: "Who may call; auto asks for a token unless it listens on loopback and none is configured",
    kind: choice(["auto", "none", "token", "oauth"]),
  }),
  authTokens: noneByDefault({
    flag: "--auth-token",
    variable: "MCP_AUTH_TOKEN",
    group: "Access",
    summary: "Bearer tokens, each a principal with sessions of its own",
    kind: namedTokens,
  }),
  authTokenFile: optional({
    flag: "--auth-token-file",
    variable: "MCP_AUTH_TOKEN_FILE",
    group: "Access",
    summary: "File of hashed bearer tokens, a principal a line",
    kind: path,
  }),
  oauthIssuer: optional({
    flag: "--oauth-issuer",
    variable: "MCP_OAUTH_ISSUER",
    group: "Access",
    summary: "Authorization server whose access tokens are accepted",
    kind: issuerUrl,
  }),
  oauthAudience: optional({
    flag: "--oauth-audience",
    variable: "MCP_OAUTH_AUDIENCE",
    group: "Access",
    summary: "Audience that an access token must have been issued for",
    kind: text,
  }),
  oauthScopes: noneByDefault({
    flag: "--oauth-scopes",
    variable: "MCP_OAUTH_SCOPES",
    group: "Access",
    summary: "Scopes that an access token must have",
    kind: scopes,
  }),
  oauthJwksUrl: optional({
    flag: "--oauth-jwks-url",
    variable: "MCP_OAUTH_JWKS_URL",
    group: "Access",
    summary: "The issuer's keys, if its metadata does not tell where they are",
    kind: httpUrl,
  }),
  operatorToken: optional({
    flag: undefined,
    variable: "MCP_OPERATOR_TOKEN",
    group: "Access",
    summary:
      "What POST /drain and GET /operator/sessions ask for, which are not served without it; no flag, so that it stays out of process lists",
    kind: longToken,
  }),
  allowedHosts: noneByDefault({
    flag: "--allowed-hosts",
    variable: "MCP_ALLOWED_HOSTS",
    group: "Access",
    summary: "Host headers to accept beside loopback names and the listening host",
    kind: hosts,
  }),
  allowedOrigins: noneByDefault({
    flag: "--allowed-origins",
    variable: "MCP_ALLOWED_ORIGINS",
    group: "Access",
    summary: "Web origins to accept beside loopback pages",
    kind: origins,
  }),
  enableCors: withDefault("false", {
    flag: "--enable-cors",
    variable: "MCP_ENABLE_CORS",
    group: "Access",
    summary: "Let pages of the allowed origins read the answers",
    kind: boolean,
  }),

  cluster: optional({
    flag: "--cluster",
    variable: "MSB_MCP_CLUSTER",
    group: "Cluster",
    summary:
      "Valkey or Redis server through which several servers are one; a URL with a password belongs into the variable, out of process lists",
    kind: registryUrl,
  }),
  clusterName: withDefault("msb-mcp", {
    flag: "--cluster-name",
    variable: "MSB_MCP_CLUSTER_NAME",
    group: "Cluster",
    summary: "Which cluster: those of other names on the same Valkey or Redis server are not seen",
    kind: clusterName,
  }),
  clusterAddress: {
    ...optional({
      flag: "--cluster-address",
      variable: "MSB_MCP_CLUSTER_ADDRESS",
      group: "Cluster",
      summary: "Where other nodes reach this one",
      kind: httpUrl,
    }),
    fallbackShown: "the address it listens on; the machine's host name where that is all addresses",
  },
  clusterPort: optional({
    flag: "--cluster-port",
    variable: "MSB_MCP_CLUSTER_PORT",
    group: "Cluster",
    summary: "With the three options of TLS: the port on which other nodes, and nobody else, are answered; 0 picks one",
    kind: wholeNumber(0, 65_535),
  }),
  clusterTlsCert: optional({
    flag: "--cluster-tls-cert",
    variable: "MSB_MCP_CLUSTER_TLS_CERT",
    group: "Cluster",
    summary: "Certificate that this node shows to others, with the host of its --cluster-address in it (PEM)",
    kind: path,
  }),
  clusterTlsKey: optional({
    flag: "--cluster-tls-key",
    variable: "MSB_MCP_CLUSTER_TLS_KEY",
    group: "Cluster",
    summary: "Private key of that certificate (PEM)",
    kind: path,
  }),
  clusterTlsCa: optional({
    flag: "--cluster-tls-ca",
    variable: "MSB_MCP_CLUSTER_TLS_CA",
    group: "Cluster",
    summary: "Certificate of the authority that has signed those of all nodes; who shows none of it is no node (PEM)",
    kind: path,
  }),
  clusterPartition: withDefault("serve", {
    flag: "--cluster-partition",
    variable: "MSB_MCP_CLUSTER_PARTITION",
    group: "Cluster",
    summary: "Whether a node that does not reach the registry opens new sessions; running ones go on",
    kind: choice(["serve", "refuse"]),
  }),
  clusterSecret: optional({
    flag: undefined,
    variable: "MCP_CLUSTER_SECRET",
    group: "Cluster",
    summary: "What the nodes know each other by, the same on each; no flag, so that it stays out of process lists",
    kind: longSecret,
  }),

  backend: withDefault("auto", {
    flag: "--backend",
    variable: "MCP_SANDBOX_BACKEND",
    group: "Sandboxes",
    summary: "What makes the sandboxes",
    kind: choice(["auto", "server", "microvm", "cloud", "namespace"]),
  }),
  serverUrl: withDefault("http://127.0.0.1:5555", {
    flag: "--server-url",
    variable: "MSB_SERVER_URL",
    group: "Sandboxes",
    summary: "The microsandbox server of the server backend",
    kind: httpUrl,
  }),
  apiKey: optional({
    flag: undefined,
    variable: "MSB_API_KEY",
    group: "Sandboxes",
    summary: "Key for the microsandbox server; no flag, so that it stays out of process lists",
    kind: secret,
  }),
  runtimeDir: {
    flag: "--runtime-dir",
    variable: "MSB_MCP_RUNTIME_DIR",
    group: "Sandboxes",
    summary: "Folder that the microVM runtime is unpacked to, or, for a build without one, where one is installed",
    kind: path,
    fallback: ({ cacheHome, homeDir }) => `${cacheHome ?? `${homeDir}/.cache`}/msb-mcp`,
    fallbackShown: "$XDG_CACHE_HOME/msb-mcp or ~/.cache/msb-mcp; ~/.microsandbox for a build without a runtime",
  } satisfies Option<string>,
  runtimeHome: {
    flag: undefined,
    variable: "MSB_HOME",
    group: "Sandboxes",
    summary: "Folder in which the microVM runtime keeps images and sandboxes; its own variable",
    kind: path,
    fallback: ({ homeDir }) => `${homeDir}/.microsandbox`,
    fallbackShown: "~/.microsandbox",
  } satisfies Option<string>,
  defaultFlavor: withDefault("small", {
    flag: "--default-flavor",
    variable: "MSB_DEFAULT_FLAVOR",
    group: "Sandboxes",
    summary: "Size of the sandbox when a call names none",
    kind: choice(flavorNames),
  }),
  flavors: {
    flag: "--flavor",
    variable: "MSB_MCP_FLAVORS",
    group: "Sandboxes",
    summary: "Other sizes than the usual: small=1:1024, medium=2:2048, large=4:4096",
    kind: flavorSizes,
    fallback: () => defaultFlavors,
    fallbackShown: undefined,
  } satisfies Option<Flavors>,
  templates: {
    flag: "--templates",
    variable: "MSB_MCP_TEMPLATES",
    group: "Sandboxes",
    summary: "File that adds templates to the default ones, or changes them",
    kind: templatesFile,
    fallback: () => defaultTemplates,
    fallbackShown: "python, node, bash",
  } satisfies Option<readonly Template[]>,
  interpreters: {
    flag: "--interpreter",
    variable: "MSB_MCP_INTERPRETERS",
    group: "Sandboxes",
    summary: "Which Python or Node.js of this machine sandboxes use (namespace backend)",
    kind: interpreterPaths,
    fallback: () => ({}),
    fallbackShown: "the first in /usr/local/bin, /usr/bin and /bin",
  } satisfies Option<InterpreterPaths>,
  packageIndexes: {
    flag: "--package-index",
    variable: "MSB_MCP_PACKAGE_INDEXES",
    group: "Sandboxes",
    summary: "Where the packages of templates come from, instead of the public registries",
    kind: packageIndexes,
    fallback: () => ({}),
    fallbackShown: undefined,
  } satisfies Option<PackageIndexes>,
  imagesArchive: optional({
    flag: "--images-archive",
    variable: "MSB_MCP_IMAGES_ARCHIVE",
    group: "Sandboxes",
    summary: "Archive of docker save whose images serve for templates before a registry is asked (microvm backend)",
    kind: archiveFile,
  }),
  network: withDefault("none", {
    flag: "--network",
    variable: "MSB_MCP_NETWORK",
    group: "Sandboxes",
    summary: "Whom sandboxes may reach (microvm and namespace backends)",
    kind: networkPolicy,
  }),
  networkProxy: {
    flag: "--network-proxy",
    variable: "MSB_MCP_NETWORK_PROXY",
    group: "Sandboxes",
    summary: "Proxy through which namespace sandboxes reach the internet",
    kind: outerProxy,
    // Whoever runs behind one has told all programs so.
    fallback: ({ variable }) => parseOuterProxy(variable("HTTPS_PROXY") ?? variable("https_proxy") ?? ""),
    fallbackShown: "the variable HTTPS_PROXY",
  } satisfies Option<OuterProxy | undefined>,
  secrets: noneByDefault({
    flag: "--secret",
    variable: "MSB_MCP_SECRETS",
    group: "Sandboxes",
    summary: "Key that sandboxes use for one host without having it (microvm backend)",
    kind: secretBindings,
  }),
  pool: noneByDefault({
    flag: "--pool",
    variable: "MSB_MCP_POOL",
    group: "Sandboxes",
    summary: "Sandboxes to have ready before anybody asks, as far as there is room",
    kind: poolShares,
  }),
  sharedVolumes: noneByDefault({
    flag: "--shared-volume",
    variable: "MSB_SHARED_VOLUME_PATH",
    group: "Sandboxes",
    summary: "Folder of this machine that every sandbox sees",
    kind: volumes,
  }),
  sessionTimeoutMs: withDefault("1800", {
    flag: "--session-timeout",
    variable: "MSB_SESSION_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a session may be idle",
    kind: seconds(1, 31_536_000),
  }),
  cleanupIntervalMs: withDefault("60", {
    flag: "--cleanup-interval",
    variable: "MSB_CLEANUP_INTERVAL",
    group: "Sandboxes",
    summary: "How often idle sessions are looked for; less than the session timeout",
    kind: seconds(1, 86_400),
  }),
  orphanCleanupIntervalMs: withDefault("600", {
    flag: "--orphan-cleanup-interval",
    variable: "MSB_ORPHAN_CLEANUP_INTERVAL",
    group: "Sandboxes",
    summary:
      "How often sandboxes of this installation that no session has are looked for; the first time is at the start",
    kind: seconds(1, 86_400),
  }),
  executionTimeoutMs: withDefault("300", {
    flag: "--execution-timeout",
    variable: "MSB_EXECUTION_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a call that names no timeout may run",
    kind: seconds(1, 86_400),
  }),
  maxExecutionTimeoutMs: withDefault("86400", {
    flag: "--max-execution-timeout",
    variable: "MSB_MAX_EXECUTION_TIMEOUT",
    group: "Sandboxes",
    summary: "The longest timeout that a call may name",
    kind: seconds(1, 86_400),
  }),
  executionWaitMs: withDefault("50", {
    flag: "--execution-wait",
    variable: "MSB_EXECUTION_WAIT",
    group: "Sandboxes",
    summary: "How long a call of an MCP client waits for its run, which then goes on; bare JSON-RPC waits to the end",
    kind: seconds(0, 86_400),
  }),
  sandboxStartTimeoutMs: withDefault("180", {
    flag: "--sandbox-start-timeout",
    variable: "MSB_SANDBOX_START_TIMEOUT",
    group: "Sandboxes",
    summary: "How long a sandbox may take to start",
    kind: seconds(1, 3600),
  }),

  maxSessions: withDefault("10", {
    flag: "--max-sessions",
    variable: "MSB_MAX_SESSIONS",
    group: "Limits",
    summary: "Sandbox sessions at once",
    kind: wholeNumber(1, 100_000),
  }),
  maxTotalMemoryMib: optional({
    flag: "--max-total-memory-mb",
    variable: "MSB_MAX_TOTAL_MEMORY_MB",
    group: "Limits",
    summary: "Memory of all sandboxes together, by their flavors; at least the default flavor's",
    kind: wholeNumber(1, 1_000_000_000),
  }),
  maxSessionsPerPrincipal: optional({
    flag: "--max-sessions-per-principal",
    variable: "MSB_MAX_SESSIONS_PER_PRINCIPAL",
    group: "Limits",
    summary: "Sandbox sessions at once of one caller; in a cluster, on all nodes together",
    kind: wholeNumber(1, 100_000),
  }),
  maxMemoryMibPerPrincipal: optional({
    flag: "--max-memory-mb-per-principal",
    variable: "MSB_MAX_MEMORY_MB_PER_PRINCIPAL",
    group: "Limits",
    summary: "Memory of all sandboxes of one caller, in a cluster on all nodes together; at least the default flavor's",
    kind: wholeNumber(1, 1_000_000_000),
  }),
  enableLruEviction: withDefault("true", {
    flag: "--enable-lru-eviction",
    variable: "MSB_ENABLE_LRU_EVICTION",
    group: "Limits",
    summary: "End the least recently used idle sessions when a new one needs their room",
    kind: boolean,
  }),
  admissionWaitMs: withDefault("0", {
    flag: "--admission-wait",
    variable: "MSB_ADMISSION_WAIT",
    group: "Limits",
    summary: "How long a new session may wait for room before it is refused",
    kind: seconds(0, 3600),
  }),
  maxQueuedExecutions: withDefault("100", {
    flag: "--max-queued-executions",
    variable: "MSB_MAX_QUEUED_EXECUTIONS",
    group: "Limits",
    summary: "Calls that may wait in one session",
    kind: wholeNumber(1, 10_000),
  }),
  maxOutputBytes: withDefault(String(32 * KIB), {
    flag: "--max-output-bytes",
    variable: "MSB_MAX_OUTPUT_BYTES",
    group: "Limits",
    summary:
      "Output of each stream in an answer, half of it from the start and half from the end; get_execution reads the rest, " +
      "up to 440,000 bytes where a call names a limit",
    kind: wholeNumber(KIB, 64 * MIB),
  }),
  maxKeptOutputBytes: withDefault(String(64 * MIB), {
    flag: "--max-kept-output-bytes",
    variable: "MSB_MAX_KEPT_OUTPUT_BYTES",
    group: "Limits",
    summary: "Output kept of one execution, both streams together; one that writes more is stopped",
    kind: wholeNumber(MIB, 16 * 1024 * MIB),
  }),
  maxKeptOutputTotalBytes: withDefault(String(1024 * MIB), {
    flag: "--max-kept-output-total-bytes",
    variable: "MSB_MAX_KEPT_OUTPUT_TOTAL_BYTES",
    group: "Limits",
    summary: "Output kept of all executions together, in the state directory; the oldest goes first",
    kind: wholeNumber(MIB, 1024 * 1024 * MIB),
  }),
  maxLeftRunning: withDefault("16", {
    flag: "--max-left-running",
    variable: "MSB_MAX_LEFT_RUNNING",
    group: "Limits",
    summary: "Executions that may be left running in one session",
    kind: wholeNumber(1, 1000),
  }),
  maxLeftRunningInAll: withDefault("200", {
    flag: "--max-left-running-in-all",
    variable: "MSB_MAX_LEFT_RUNNING_IN_ALL",
    group: "Limits",
    summary: "Executions that may be left running in all sessions together",
    kind: wholeNumber(1, 100_000),
  }),
  maxLeftRunningPerPrincipal: optional({
    flag: "--max-left-running-per-principal",
    variable: "MSB_MAX_LEFT_RUNNING_PER_PRINCIPAL",
    group: "Limits",
    summary:
      "Executions that one caller may leave running; by default half of --max-left-running-in-all where there can be several callers",
    kind: wholeNumber(1, 100_000),
  }),
  maxLayersBytes: withDefault(String(16 * 1024 * MIB), {
    flag: "--max-layers-bytes",
    variable: "MSB_MAX_LAYERS_BYTES",
    group: "Limits",
    summary:
      "Packages of templates that are kept, in the state directory; the least recently used go first, none that is in use",
    kind: wholeNumber(0, 1024 * 1024 * MIB),
  }),
  maxCacheBytes: withDefault(String(2 * 1024 * MIB), {
    flag: "--max-cache-bytes",
    variable: "MSB_MAX_CACHE_BYTES",
    group: "Limits",
    summary:
      "Downloads of pip, npm and uv that the sessions of a caller share, in the state directory, of all callers together; 0 turns this off",
    kind: wholeNumber(0, 1024 * 1024 * MIB),
  }),
  maxRequestBytes: withDefault(String(4 * MIB), {
    flag: "--max-request-bytes",
    variable: "MCP_MAX_REQUEST_BYTES",
    group: "Limits",
    summary: "Size of one request's body",
    kind: wholeNumber(KIB, 256 * MIB),
  }),
  maxTransferBytes: withDefault(String(16 * 1024 * MIB), {
    flag: "--max-transfer-bytes",
    variable: "MCP_MAX_TRANSFER_BYTES",
    group: "Limits",
    summary: "Size of a file that is uploaded, and of all that an uploaded archive unpacks to",
    kind: wholeNumber(KIB, 1024 * 1024 * MIB),
  }),
  maxJsonDepth: withDefault("64", {
    flag: "--max-json-depth",
    variable: "MCP_MAX_JSON_DEPTH",
    group: "Limits",
    summary: "How deep a request's JSON may nest",
    kind: wholeNumber(8, 1000),
  }),
  maxConcurrentRequests: withDefault("1024", {
    flag: "--max-concurrent-requests",
    variable: "MCP_MAX_CONCURRENT_REQUESTS",
    group: "Limits",
    summary: "Requests and streams at once",
    kind: wholeNumber(1, 100_000),
  }),
  maxConcurrentRequestsPerPrincipal: withDefault("512", {
    flag: "--max-concurrent-requests-per-principal",
    variable: "MCP_MAX_CONCURRENT_REQUESTS_PER_PRINCIPAL",
    group: "Limits",
    summary: "Requests and streams at once of one caller",
    kind: wholeNumber(1, 100_000),
  }),
  maxMcpSessions: withDefault("1000", {
    flag: "--max-mcp-sessions",
    variable: "MCP_MAX_SESSIONS",
    group: "Limits",
    summary: "MCP transport sessions at once (a sandbox needs none)",
    kind: wholeNumber(1, 1_000_000),
  }),
} as const;

export type Rule = {
  /** The rule is looked at only if each of these could be read. */
  readonly needs: readonly OptionName[];
  /** It matters to a server that starts, and to no other command. */
  readonly isOfServing?: boolean;
  /** What is wrong, a message a problem. */
  readonly check: (config: Config) => readonly string[];
};

/** What must hold between options. */
export const rules: readonly Rule[] = [
  {
    needs: ["auditFile", "auditSource"],
    check: ({ auditFile, auditSource }) =>
      auditSource && auditFile === undefined
        ? ["--audit-source (MCP_AUDIT_SOURCE): there is no audit file to write it into; give --audit-file as well"]
        : [],
  },
  {
    needs: ["transport", "transferDirs"],
    check: ({ transport, transferDirs }) =>
      transport === "http" && transferDirs.length > 0
        ? [
            "--transfer-dir (MCP_TRANSFER_DIR): callers over HTTP do not reach files of this machine; leave it out, or use --transport stdio",
          ]
        : [],
  },
  {
    needs: ["transport", "drainTimeoutMs"],
    check: ({ transport, drainTimeoutMs }) =>
      transport === "stdio" && drainTimeoutMs !== undefined
        ? [
            "--drain-timeout (MSB_MCP_DRAIN_TIMEOUT): a server on stdio ends with its only client; leave it out, or use --transport http",
          ]
        : [],
  },
  {
    needs: ["transport", "keepSessions"],
    check: ({ transport, keepSessions }) =>
      transport === "stdio" && keepSessions
        ? [
            "--keep-sessions (MSB_MCP_KEEP_SESSIONS): a server on stdio ends with its only client; leave it out, or use --transport http",
          ]
        : [],
  },
  {
    needs: [
      "cluster",
      "clusterSecret",
      "transport",
      "clusterAddress",
      "clusterPort",
      "clusterTlsCert",
      "clusterTlsKey",
      "clusterTlsCa",
    ],
    isOfServing: true,
    check: clusterProblems,
  },
  {
    needs: ["cleanupIntervalMs", "sessionTimeoutMs"],
    check: ({ cleanupIntervalMs, sessionTimeoutMs }) =>
      cleanupIntervalMs < sessionTimeoutMs
        ? []
        : [
            `--cleanup-interval (MSB_CLEANUP_INTERVAL): ${cleanupIntervalMs / 1000} is not allowed; it must be less than ` +
              `--session-timeout (MSB_SESSION_TIMEOUT), which is ${sessionTimeoutMs / 1000}`,
          ],
  },
  {
    needs: ["executionTimeoutMs", "maxExecutionTimeoutMs"],
    check: ({ executionTimeoutMs, maxExecutionTimeoutMs }) =>
      executionTimeoutMs <= maxExecutionTimeoutMs
        ? []
        : [
            `--execution-timeout (MSB_EXECUTION_TIMEOUT): ${executionTimeoutMs / 1000} is not allowed; it must be at most ` +
              `--max-execution-timeout (MSB_MAX_EXECUTION_TIMEOUT), which is ${maxExecutionTimeoutMs / 1000}`,
          ],
  },
  {
    needs: ["pool", "templates", "flavors", "maxSessions", "maxTotalMemoryMib"],
    check: ({ pool, templates, flavors, maxSessions, maxTotalMemoryMib = Number.POSITIVE_INFINITY }) => {
      const count = pool.reduce((sum, share) => sum + share.count, 0);
      const memoryMib = pool.reduce((sum, share) => sum + share.count * flavors[share.flavor].memoryMib, 0);
      return [
        // Whether its packages have been built is found out at the start.
        ...unknownShares(pool, [...templates, dataTemplate]),
        ...(count <= maxSessions
          ? []
          : [
              `--pool (MSB_MCP_POOL): ${count} sandboxes are not allowed; it must be at most --max-sessions (MSB_MAX_SESSIONS), ` +
                `which is ${maxSessions}`,
            ]),
        ...(memoryMib <= maxTotalMemoryMib
          ? []
          : [
              `--pool (MSB_MCP_POOL): ${memoryMib} MB is not allowed; it must be at most --max-total-memory-mb ` +
                `(MSB_MAX_TOTAL_MEMORY_MB), which is ${maxTotalMemoryMib}`,
            ]),
      ];
    },
  },
  {
    needs: ["network", "secrets"],
    check: ({ network, secrets }) =>
      unreachableSecrets(secrets, network).map(
        (problem) =>
          `--secret (MSB_MCP_SECRETS): ${problem}; allowed are hosts that --network (MSB_MCP_NETWORK) allows`,
      ),
  },
  {
    needs: ["backend", "network", "secrets", "interpreters"],
    check: ({ backend, network, secrets, interpreters }) =>
      backend === "auto" ? [] : beyondBackend(backend, network, secrets, interpreters),
  },
  ...(["maxTotalMemoryMib", "maxMemoryMibPerPrincipal"] as const).map(
    (name): Rule => ({
      needs: [name, "defaultFlavor", "flavors"],
      check: (config) => {
        const limit = config[name];
        const least = config.flavors[config.defaultFlavor].memoryMib;
        const { flag, variable } = options[name];
        return limit === undefined || limit >= least
          ? []
          : [
              `${flag} (${variable}): ${limit} is not allowed; it must be at least the memory of the default flavor ` +
                `(${config.defaultFlavor}), which is ${least}`,
            ];
      },
    }),
  ),
  {
    needs: ["auth", "authTokens", "authTokenFile", "oauthIssuer", "oauthAudience", "oauthScopes", "oauthJwksUrl"],
    check: (config) =>
      authProblems({
        mode: config.auth,
        tokens: config.authTokens,
        hasTokenFile: config.authTokenFile !== undefined,
        oauth: {
          scopes: config.oauthScopes,
          ...(config.oauthIssuer !== undefined && { issuer: config.oauthIssuer }),
          ...(config.oauthAudience !== undefined && { audience: config.oauthAudience }),
          ...(config.oauthJwksUrl !== undefined && { jwksUrl: config.oauthJwksUrl }),
        },
      }),
  },
];

function withDefault<T>(shown: string, entry: Entry<T>): Option<T> {
  const fallback = (place: Place) => {
    const reading = entry.kind.read([shown], place);
    if (!reading.ok) throw new Error(`the default of ${entry.variable} breaks its own rule`);
    return reading.value;
  };
  return { ...entry, fallback, fallbackShown: shown };
}

function noneByDefault<T>(entry: Entry<readonly T[]>): Option<readonly T[]> {
  return { ...entry, fallback: () => [], fallbackShown: undefined };
}

function optional<T>(entry: Entry<T>): Option<T | undefined> {
  return { ...entry, fallback: () => undefined, fallbackShown: undefined };
}
