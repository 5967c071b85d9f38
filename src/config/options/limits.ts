// How much, how many and how long.

import { boolean, seconds, wholeNumber } from "../kinds.ts";
import { optional, withDefault } from "./option.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const limitsOptions = {
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
