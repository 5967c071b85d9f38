// curl as a client: bare JSON-RPC with nothing but a Content-Type, a session of 2025, and 2026-07-28.

import {
  type Answer,
  type CallOptions,
  type Client,
  isRecord,
  namesOf,
  responseAnswer,
  type UnderTest,
} from "./client.ts";

export type CurlWay = "bare" | "2025-11-25" | "2026-07-28";

type Message = Readonly<Record<string, unknown>>;

/** What came back for one request, but for the notifications before its response. */
type Reply = { readonly headers: Headers; readonly message: Message | undefined };

type PostOptions = CallOptions & { readonly headers?: Readonly<Record<string, string>> };

export async function openCurl({ url }: UnderTest, way: CurlWay): Promise<Client> {
  let lastId = 0;
  const session = way === "2025-11-25" ? await openSession(url) : {};

  async function request(method: string, params: Message, options: CallOptions = {}): Promise<Message> {
    lastId += 1;
    const id = lastId;
    const { onProgress, signal } = options;
    const meta = { ...(way === "2026-07-28" && meta2026), ...(onProgress && { progressToken: id }) };
    const message = { jsonrpc: "2.0", id, method, params: { ...params, ...(way !== "bare" && { _meta: meta }) } };
    const headers = way === "2026-07-28" ? headers2026(method, params) : session;
    if (way !== "2025-11-25") return (await post(url, message, { ...options, headers })).message ?? {};
    // In a session, whoever leaves has not cancelled: it takes a message.
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } };
    const cancellation = Promise.withResolvers<unknown>();
    const cancel = () => cancellation.resolve(post(url, cancelled, { headers }));
    signal?.addEventListener("abort", cancel);
    const reply = await post(url, message, { headers, ...(onProgress && { onProgress }) });
    if (signal?.aborted) await cancellation.promise;
    return reply.message ?? {};
  }

  return {
    revision: way === "bare" ? undefined : way,
    async toolNames() {
      const { result } = await request("tools/list", {});
      return isRecord(result) ? namesOf(result.tools) : [];
    },
    async call(tool, args, options): Promise<Answer> {
      const response = await request("tools/call", { name: tool, arguments: args }, options);
      if ("result" in response || "error" in response) return responseAnswer(response);
      return { kind: "error", message: "curl ended before it had an answer" };
    },
    async [Symbol.asyncDispose]() {
      if (way === "2025-11-25") await curl(url, ["--request", "DELETE", ...headerArguments(session)], {});
    },
  };
}

async function openSession(url: string): Promise<Readonly<Record<string, string>>> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "curl", version: "1" } };
  const accept = { Accept: "application/json, text/event-stream" };
  const { headers } = await post(url, { jsonrpc: "2.0", id: 0, method: "initialize", params }, { headers: accept });
  const session = {
    ...accept,
    "Mcp-Session-Id": headers.get("mcp-session-id") ?? "",
    "MCP-Protocol-Version": "2025-11-25",
  };
  await post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, { headers: session });
  return session;
}

const meta2026 = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "curl", version: "1" },
};

function headers2026(method: string, { name, arguments: args }: Message): Readonly<Record<string, string>> {
  const session = isRecord(args) ? args.session_id : undefined;
  return {
    Accept: "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": method,
    ...(typeof name === "string" && { "Mcp-Name": name }),
    ...(typeof session === "string" && { "Mcp-Param-Session-Id": session }),
  };
}

function post(url: string, message: Message, { headers = {}, ...options }: PostOptions): Promise<Reply> {
  const data = ["--header", "Content-Type: application/json", "--data-binary", JSON.stringify(message)];
  return curl(url, [...data, ...headerArguments(headers)], options);
}

function headerArguments(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
}

/** Ends curl, and with it the connection, when the signal is aborted. */
async function curl(url: string, argv: readonly string[], { onProgress, signal }: CallOptions): Promise<Reply> {
  const child = Bun.spawn(["curl", "--silent", "--no-buffer", "--include", "--max-time", "280", ...argv, url], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    ...(signal && { signal }),
  });
  const headers = new Headers();
  let inBody = false;
  let message: Message | undefined;
  for await (const line of linesOf(child.stdout)) {
    if (!inBody) {
      const [, name, value] = /^([^:\s]+): (.*)$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) headers.append(name, value);
      inBody = line === "";
      continue;
    }
    const json = line.startsWith("data: ") ? line.slice("data: ".length) : line;
    if (!json.startsWith("{")) continue;
    const parsed: unknown = JSON.parse(json);
    if (!isRecord(parsed)) continue;
    if (parsed.method === undefined) message = parsed;
    else if (isRecord(parsed.params)) onProgress?.(String(parsed.params.message));
  }
  await child.exited;
  return { headers, message };
}

export async function* linesOf(bytes: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of bytes) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
