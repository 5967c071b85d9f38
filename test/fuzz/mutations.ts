// Requests of the three ways to speak MCP, and what a random hand does to them. Everything follows from the seed.

export type Draft = { method: string; headers: Record<string, string>; body: unknown };

export type Random = { below(limit: number): number; pick<T>(from: readonly T[]): T };

/** Mulberry32: small, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: (from) => {
      const [chosen] = from.slice(below(from.length));
      if (chosen === undefined) throw new Error("nothing to pick from");
      return chosen;
    },
  };
}

const clientInfo = { name: "fuzz", version: "1" };
const meta2026 = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": clientInfo,
  "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
};

const calls: readonly (readonly [method: string, params: Readonly<Record<string, unknown>>])[] = [
  ["ping", {}],
  ["tools/list", {}],
  ["tools/call", { name: "execute_code", arguments: { code: "print hello" } }],
  ["tools/call", { name: "execute_command", arguments: { command: "print hello", timeout: 5 } }],
  ["tools/call", { name: "get_sessions", arguments: {} }],
  ["tools/call", { name: "get_volume_path", arguments: {} }],
  ["tools/call", { name: "stop_session", arguments: { session_id: "session-0" } }],
  ["tools/call", { name: "execute_command", arguments: { command: "print x", wait: 5, stdin: true } }],
  ["tools/call", { name: "get_execution", arguments: { execution_id: "execution-0", offset: 5, search: "x+" } }],
  ["tools/call", { name: "control_execution", arguments: { execution_id: "execution-0", input: "x" } }],
  ["tools/call", { name: "read_file", arguments: { session_id: "session-0", path: "a.txt", offset: -1 } }],
  ["tools/call", { name: "write_file", arguments: { path: "a.txt", content: "x", append: true } }],
  ["tools/call", { name: "edit_file", arguments: { path: "a", session_id: "s", edits: [{ old: "x", new: "y" }] } }],
  ["tools/call", { name: "list_files", arguments: { session_id: "session-0", pattern: "**/*", depth: 3 } }],
  ["tasks/get", { taskId: "execution-0" }],
  ["tasks/cancel", { taskId: "execution-0" }],
  ["subscriptions/listen", { taskIds: ["execution-0"] }],
  ["initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo }],
  ["server/discover", {}],
  ["notifications/cancelled", { requestId: 1 }],
  ["logging/setLevel", { level: "debug" }],
  ["resources/read", { uri: "file:///etc/passwd" }],
  ["resources/read", { uri: "sandbox://session-0/a.txt" }],
  ["resources/templates/list", {}],
  ["prompts/get", { name: "x" }],
];

/** A well-formed request, spoken in one of the three ways. `sessionId` is of a living MCP session. */
export function draft(random: Random, sessionId: string): Draft {
  const [method, params] = random.pick(calls);
  const headers: Record<string, string> = { Host: "localhost", "Content-Type": "application/json" };
  const message = { jsonrpc: "2.0", id: random.below(1000), method, params: structuredClone(params) };
  const accept = random.pick(["application/json, text/event-stream", "text/event-stream", "*/*", ""]);
  if (accept !== "") headers.Accept = accept;
  switch (random.below(3)) {
    case 0:
      return { method: "POST", headers, body: message };
    case 1:
      headers["Mcp-Session-Id"] = sessionId;
      headers["MCP-Protocol-Version"] = random.pick(["2025-03-26", "2025-06-18", "2025-11-25"]);
      return { method: "POST", headers, body: message };
    default: {
      headers["MCP-Protocol-Version"] = "2026-07-28";
      headers["Mcp-Method"] = method;
      const name = params.name ?? params.taskId;
      if (typeof name === "string") headers["Mcp-Name"] = name;
      const session = isRecord(params.arguments) ? params.arguments.session_id : undefined;
      if (typeof session === "string") headers["Mcp-Param-Session-Id"] = session;
      return { method: "POST", headers, body: { ...message, params: { ...message.params, _meta: { ...meta2026 } } } };
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, -0, "", "0", [], {}, [[]], [null]],
  ...["__proto__", "constructor", "\0", "\ud800", "💥".repeat(50), "../../etc/passwd", "x".repeat(5000)],
  ...["2.0", "2026-07-28", "2025-11-25", { $ref: "#" }, { __proto__: null, toString: 1 }, { length: -1 }],
];

const oddKeys = ["", "__proto__", "constructor", "_meta", "id", "params", "extra", "\0", "\ud800"];

const oddHeaders: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["MCP-Protocol-Version", ["2026-07-28", "2025-11-25", "2025-03-26", "2024-11-05", "1999-01-01", "", "x".repeat(500)]],
  ["Mcp-Session-Id", ["", "x", "\u00e9", "a.b", ".", "%00", "x".repeat(5000)]],
  ["Mcp-Method", ["", "tools/call", "=?base64?!!?=", "=?base64??="]],
  ["Mcp-Param-Session-Id", ["", "session-0", "=?base64?!!?=", "x".repeat(5000)]],
  ["Mcp-Name", ["", "execute_code", "=?base64?ZXhlY3V0ZV9jb2Rl?=", "\u00ff"]],
  [
    "Content-Type",
    ["text/plain", "application/json; charset=utf-16", "application/jsonx", "", "multipart/form-data; boundary=x"],
  ],
  ["Accept", ["", "application/json", "text/event-stream;q=0", "application/xml", ",,,"]],
  ["Content-Length", ["0", "-1", "99999999999", "x"]],
  ["Last-Event-ID", ["", "0", "1-1", "999999999999999-0", "x"]],
  ["Origin", ["null", "http://localhost", "http://evil.example"]],
  ["Host", ["", "evil.example", "localhost:1", "[::1]"]],
  ["Authorization", ["Bearer", "Bearer x", "Basic eA=="]],
];

/** The same request after one to four strokes. */
export function mutate(random: Random, from: Draft): Draft & { readonly text: string | Uint8Array<ArrayBuffer> } {
  const changed = { ...from, headers: { ...from.headers } };
  for (let strokes = 1 + random.below(4); strokes > 0; strokes--) {
    switch (random.below(8)) {
      case 0: {
        const [name, values] = random.pick(oddHeaders);
        changed.headers[name] = random.pick(values);
        break;
      }
      case 1:
        delete changed.headers[random.pick(Object.keys(changed.headers))];
        changed.headers.Host ??= "localhost";
        break;
      case 2:
        changed.method = random.pick(["POST", "GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"]);
        break;
      case 3:
        changed.body = nested(random, changed.body);
        break;
      case 4:
        changed.body = Array.from({ length: random.below(60) }, () =>
          random.below(3) === 0 ? random.pick(oddValues) : changed.body,
        );
        break;
      default:
        changed.body = altered(random, changed.body);
    }
  }
  const text = JSON.stringify(changed.body) ?? "";
  return { ...changed, text: random.below(5) === 0 ? scratched(random, text) : text };
}

/** One place somewhere inside is replaced, removed, renamed or added. */
function altered(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.below(6) === 0) return random.pick(oddValues);
  if (Array.isArray(value)) return value.map((item) => (random.below(4) === 0 ? altered(random, item) : item));
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const chosen = entries[at];
  if (chosen === undefined) return Object.fromEntries([...entries, [random.pick(oddKeys), random.pick(oddValues)]]);
  const rest = entries.toSpliced(at, 1);
  if (random.below(5) === 0) return Object.fromEntries(rest);
  return Object.fromEntries([...rest, [chosen[0], altered(random, chosen[1])]]);
}

function nested(random: Random, value: unknown): unknown {
  let inside = value;
  for (let levels = random.below(100); levels > 0; levels--) inside = random.below(2) === 0 ? [inside] : { a: inside };
  return inside;
}

/** Bytes cut out, doubled or overwritten. */
function scratched(random: Random, text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Buffer.from(text));
  const at = random.below(bytes.length + 1);
  const length = random.below(20);
  switch (random.below(3)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return new Uint8Array(Buffer.concat([bytes.slice(0, at), bytes.slice(at, at + length), bytes.slice(at)]));
    default:
      bytes.fill(random.below(256), at, at + length);
      return bytes;
  }
}
