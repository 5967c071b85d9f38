// What the matrix asks of every MCP client, whatever it is written in, and the shape in which it compares their answers.

export type Answer =
  | {
      readonly kind: "result";
      /** The first text block. */
      readonly text: string;
      /** All blocks: texts as they are, pictures as their media type and their base64. */
      readonly blocks: readonly string[];
      readonly isError: boolean;
      readonly structured: Readonly<Record<string, unknown>>;
    }
  /** `code` only if the client tells it. */
  | { readonly kind: "error"; readonly code?: number; readonly message: string };

export type CallOptions = {
  readonly onProgress?: (message: string) => void;
  /** Cancels the call in the client's own way. */
  readonly signal?: AbortSignal;
};

/** One client, connected to one server. */
export interface Client extends AsyncDisposable {
  /** The protocol revision that was agreed on, if this way has one. */
  readonly revision: string | undefined;
  toolNames(): Promise<readonly string[]>;
  call(tool: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Answer>;
}

/** The server that clients are pointed at: `command` starts another one, on standard input and output. */
export type UnderTest = { readonly url: string; readonly command: readonly [string, ...string[]] };

/** A CallToolResult as an answer. */
export function resultAnswer(result: unknown): Answer {
  if (!isRecord(result) || !Array.isArray(result.content)) throw new Error(`no tool result: ${JSON.stringify(result)}`);
  const [first] = result.content;
  const { structuredContent } = result;
  return {
    kind: "result",
    text: isRecord(first) && typeof first.text === "string" ? first.text : "",
    blocks: result.content.map(({ type, text, mimeType, data }) => (type === "text" ? text : `${mimeType} ${data}`)),
    isError: result.isError === true,
    structured: isRecord(structuredContent) ? structuredContent : {},
  };
}

/** What an SDK threw as an answer. */
export function thrownAnswer(error: unknown): Answer {
  const message = error instanceof Error ? error.message : String(error);
  const code = isRecord(error) ? error.code : undefined;
  return typeof code === "number" ? { kind: "error", code, message } : { kind: "error", message };
}

/**
 * What an SDK of TypeScript reported beside its answers, and is a fault: a line that is no message, a stream that broke.
 * Two reports are none. An HTTP request has to be answered though it was cancelled, and the client that cancelled ignores the
 * answer. And both SDKs take a response at once but progress one microtask later, so that the progress that is before its
 * response in one read looks to them as if it came after; stdio.test.ts sees the real order.
 */
export function faultsAmong(reports: readonly Error[]): readonly Error[] {
  return reports.filter(({ message }) => !ignored.test(message));
}

const ignored =
  /^Received a (response for an unknown message ID: .*"code":-32800|progress notification for an unknown token: )/;

/** The answer in a JSON-RPC response, or in the line of a client that is a program. */
export function responseAnswer({ result, error }: Readonly<Record<string, unknown>>): Answer {
  if (!isRecord(error)) return resultAnswer(result);
  const message = String(error.message);
  return typeof error.code === "number" ? { kind: "error", code: error.code, message } : { kind: "error", message };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export function namesOf(tools: unknown): readonly string[] {
  return Array.isArray(tools) ? tools.map((tool) => (isRecord(tool) ? String(tool.name) : "")) : [];
}
