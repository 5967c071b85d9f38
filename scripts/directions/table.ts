// Who may import what, in the order of the picture in docs/develop.md. bun scripts/directions.ts holds the sources against it.
// What it takes knowledge of scopes to see (`process`, `Bun.env`, `Bun.spawn`) is refused by biome.json.

/** May be imported by all, and import nothing, not even of Node.js. */
export const ground: readonly string[] = ["failure.ts", "events.ts", "clock.ts"];

const contract = [
  "sandbox/port.ts",
  "sandbox/files.ts",
  "sandbox/file-failures.ts",
  "sandbox/file-verdicts.ts",
  "sandbox/guest-paths.ts",
  "sandbox/shown-paths.ts",
  "sandbox/read-ahead.ts",
  "sandbox/read-between.ts",
  "sandbox/picture.ts",
  "sandbox/flavors.ts",
  "sandbox/templates.ts",
  "sandbox/volumes.ts",
  "sandbox/packages.ts",
  "sandbox/data-template.ts",
];
const reach = ["sandbox/network.ts", "sandbox/outer-proxy.ts", "sandbox/secrets.ts"];

/**
 * Each room, a folder or a file of src/, and what it may import beside itself, the ground and Node.js: another room, a file of one, or with
 * `/**` a folder and all rooms in it. A file belongs to the room with the longest name that fits. A room imports only from rooms further down.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["commands", "server.ts", "config", "cluster/port.ts", "cluster/registry", "watch/log.ts"],
  commands: ["config", "http", "cluster/port.ts", "state", "sandbox/**"],
  "server.ts": [
    "config",
    "http",
    "cluster/**",
    "mcp",
    "sessions",
    "watch",
    "state",
    "sandbox/open.ts",
    "sandbox/data-template.ts",
  ],
  config: [
    "http/auth/problems.ts",
    ...contract,
    ...reach,
    "sandbox/abilities.ts",
    "sandbox/templates-file.ts",
    "sandbox/interpreter-paths.ts",
  ],
  http: [
    "cluster",
    "mcp",
    "sessions",
    "archives",
    "watch/metrics.ts",
    "watch/metrics-table.ts",
    "watch/conditions.ts",
    ...contract,
  ],
  cluster: ["cluster/**", "mcp", "sessions", ...contract],
  "cluster/registry": ["cluster/port.ts", ...contract],
  "cluster/port.ts": [...contract],
  mcp: ["mcp/files", "sessions", "archives/format.ts", "folders", "sandbox/runner/join.ts", ...contract, ...reach],
  "mcp/files": ["sessions", ...contract],
  sessions: ["state/own-file.ts", ...contract],
  archives: ["sandbox/files.ts", "sandbox/file-verdicts.ts", "sandbox/read-between.ts"],
  folders: [],
  watch: [],
  "sandbox/open.ts": ["sandbox/**"],
  "sandbox/hosts.ts": ["sandbox/**"],
  "sandbox/layers": ["sandbox", "state/file-lock.ts"],
  "sandbox/cache": ["sandbox", "state/file-lock.ts"],
  "sandbox/checks": ["sandbox/microvm", "sandbox/microvm/runtime", "sandbox"],
  "sandbox/choose.ts": ["sandbox"],
  "sandbox/namespace": ["sandbox/egress", "sandbox/file-agent", "sandbox/runner", "sandbox"],
  "sandbox/server": ["sandbox/file-agent", "sandbox/linked", "sandbox/runner", "sandbox"],
  "sandbox/microvm": ["sandbox/microvm/**", "sandbox/file-agent", "sandbox/linked", "sandbox/runner", "sandbox"],
  "sandbox/microvm/guest": ["sandbox/linked", "sandbox/runner", "sandbox"],
  "sandbox/microvm/images": ["sandbox"],
  "sandbox/microvm/runtime": [],
  "sandbox/linked": ["sandbox/file-agent", "sandbox/runner", "sandbox"],
  "sandbox/egress": ["sandbox"],
  "sandbox/file-agent": ["sandbox/runner", "sandbox"],
  "sandbox/runner": ["sandbox"],
  sandbox: [],
  state: [],
};

/** Where a package, or a part of Bun or Node.js that is not for all, may be imported: rooms and folders. No other package may be. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  "@elysiajs/cors": ["http"],
  "@modelcontextprotocol/sdk": ["mcp"],
  "@sinclair/typebox": ["mcp", "sandbox/server"],
  "@swc/wasm-typescript": ["sandbox/runner"],
  "bun:ffi": ["sandbox/namespace"],
  "bun:sqlite": ["sessions", "state"],
  diff: ["mcp/files"],
  elysia: ["http"],
  ioredis: ["cluster/registry"],
  jose: ["http/auth"],
  "jsonc-parser": ["commands/install"],
  microsandbox: ["sandbox/microvm"],
  "modern-tar": ["archives"],
  "node:child_process": [],
  "node:process": ["main.ts"],
  "prom-client": ["watch"],
  re2js: ["sessions/executions"],
  "smol-toml": ["commands/install"],
  yauzl: ["archives"],
  yazl: ["archives"],
};
