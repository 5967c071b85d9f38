// The three ways to speak MCP, as the load's clients use them: each asks a tool and tells what came back in one form.

import { Client as SdkClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport, StreamableHTTPError } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";

export type Fields = Readonly<Record<string, unknown>>;

export type Answer =
  | { readonly kind: "result"; readonly content: Fields }
  | { readonly kind: "error"; readonly code: string; readonly reason: string; readonly message: string };

export interface Way extends AsyncDisposable {
  readonly name: "bare" | "2025" | "2026";
  /** Never rejects: what came to no answer is an error with the code `NO_ANSWER`. */
  call(tool: string, args: Fields): Promise<Answer>;
  /** What progress said while the call was on. Not in bare JSON-RPC. */
  callWithProgress?(tool: string, args: Fields): Promise<{ readonly answer: Answer; readonly progress: string }>;
  /** A call that may become a task, followed to its end. In 2026-07-28 only. `becameTask`: whether it did. */
  callAsTask?(tool: string, args: Fields): Promise<{ readonly answer: Answer; readonly becameTask: boolean }>;
}

/** Longest wait for one answer. Milliseconds. */
const patienceMs = 60_000;
/** How often a task is asked for at most. */
const maxPolls = 60;

export const noAnswer = "NO_ANSWER";

type WireError = {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly error_code?: string; readonly context?: { readonly reason?: string } };
};

type ToolResult = {
  readonly isError?: boolean;
  readonly content?: readonly { readonly text?: string }[];
  readonly structuredContent?: Fields;
  readonly resultType?: string;
  readonly taskId?: string;
};

type Reply = {
  readonly result?: ToolResult;
  readonly error?: WireError;
  readonly params?: { readonly message?: string };
};

/** What `curl` and small scripts send. */
export function bareWay(url: string): Way {
  return {
    name: "bare",
    call: (name, args) =>
      answered(async () => {
        const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
        return replied(await repliesTo(await post(url, {}, body)));
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A session of 2025-11-25 by the client of most hosts. */
export async function sessionWay(url: string): Promise<Way> {
  const client = new SdkClient({ name: "load", version: "1" });
  // The SDK's types do not agree with exactOptionalPropertyTypes.
  await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
  const ask = (name: string, args: Fields, onprogress?: (progress: { message?: string | undefined }) => void) =>
    answered(async () =>
      told(
        (await client.callTool({ name, arguments: args }, undefined, {
          timeout: patienceMs,
          ...(onprogress && { onprogress }),
        })) as ToolResult,
      ),
    );
  return {
    name: "2025",
    call: (name, args) => ask(name, args),
    async callWithProgress(name, args) {
      let progress = "";
      const answer = await ask(name, args, ({ message }) => {
        progress += message ?? "";
      });
      return { answer, progress };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** 2026-07-28: each request by itself, with the headers that a balancer may route by. */
export function statelessWay(url: string): Way {
  const send = async (
    method: string,
    params: Fields,
    { named = "", session = "", extensions = {}, progress = false },
  ) => {
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": { extensions },
      "io.modelcontextprotocol/clientInfo": { name: "load", version: "1" },
      ...(progress && { progressToken: 1 }),
    };
    const headers = {
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": method,
      ...(named !== "" && { "Mcp-Name": named }),
      ...(session !== "" && { "Mcp-Param-Session-Id": session }),
    };
    return await repliesTo(await post(url, headers, { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }));
  };
  const call = (name: string, args: Fields, more: { extensions?: object; progress?: boolean } = {}) => {
    const session = typeof args.session_id === "string" ? args.session_id : "";
    return send("tools/call", { name, arguments: args }, { named: name, session, ...more });
  };
  return {
    name: "2026",
    call: (name, args) => answered(async () => replied(await call(name, args))),
    async callWithProgress(name, args) {
      let progress = "";
      const answer = await answered(async () => {
        const replies = await call(name, args, { progress: true });
        progress = replies.map(({ params }) => params?.message ?? "").join("");
        return replied(replies);
      });
      return { answer, progress };
    },
    async callAsTask(name, args) {
      const extensions = { "io.modelcontextprotocol/tasks": {} };
      let becameTask = false;
      const answer = await answered(async () => {
        const replies = await call(name, args, { extensions });
        const { result } = replies.at(-1) ?? {};
        if (result?.resultType !== "task") return replied(replies);
        becameTask = true;
        const taskId = result.taskId ?? "";
        for (let poll = 0; poll < maxPolls; poll++) {
          const [reply] = await send("tasks/get", { taskId }, { named: taskId, extensions });
          const task = (reply?.result ?? {}) as { status?: string; result?: ToolResult };
          if (reply?.error !== undefined) return failed(reply.error);
          if (task.status !== "working") return told(task.result ?? {});
          await Bun.sleep(500);
        }
        return { kind: "error", code: "TASK_NEVER_ENDED", reason: "", message: taskId };
      });
      return { answer, becameTask };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function answered(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    return { kind: "error", code: codeOf(error), reason: "", message: String(error) };
  }
}

/** An answer that the SDK took for none tells its status, or its code; a wait that was too long is no answer. */
function codeOf(error: unknown): string {
  if (error instanceof StreamableHTTPError && (error.code ?? 0) > 0) return `HTTP ${error.code}`;
  if (error instanceof NoResponse && error.status >= 400) return `HTTP ${error.status}`;
  if (error instanceof McpError && error.code !== ErrorCode.RequestTimeout) return `JSON-RPC ${error.code}`;
  return noAnswer;
}

/** A balancer's own page, or a stream that broke off. */
class NoResponse extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`HTTP ${status} without a response: ${text.slice(0, 200)}`);
    this.status = status;
  }
}

function post(url: string, headers: Readonly<Record<string, string>>, body: object): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(headers["MCP-Protocol-Version"] !== undefined && { Accept: "application/json, text/event-stream" }),
      ...headers,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  });
}

/** The messages of an answer, the response last. */
async function repliesTo(response: Response): Promise<readonly Reply[]> {
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const messages = isStream ? [...text.matchAll(/^data: ?(\{.*)$/gm)].map(([, data]) => data) : [text];
  const replies = messages.flatMap((message): readonly Reply[] => {
    try {
      return [JSON.parse(message ?? "")];
    } catch {
      return [];
    }
  });
  const last = replies.at(-1);
  if (last?.result === undefined && last?.error === undefined) {
    throw new NoResponse(response.status, text);
  }
  return replies;
}

function replied(replies: readonly Reply[]): Answer {
  const { result, error } = replies.at(-1) ?? {};
  return error === undefined ? told(result ?? {}) : failed(error);
}

function told({ isError, content, structuredContent = {} }: ToolResult): Answer {
  const data = structuredContent.error as WireError["data"] | undefined;
  if (isError !== true || data === undefined) return { kind: "result", content: structuredContent };
  return failed({ code: 0, message: content?.[0]?.text ?? "", data });
}

function failed({ code, message, data }: WireError): Answer {
  return { kind: "error", code: data?.error_code ?? `JSON-RPC ${code}`, reason: data?.context?.reason ?? "", message };
}
