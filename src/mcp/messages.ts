// JSON-RPC as it arrives: text in, checked messages out. The SDK's Server drops what does not fit its schemas without an
// answer, so whatever leaves here fits them. What a message means is not decided here.

import type { JSONRPCResponse, RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { EdgeLimits } from "./limits.ts";

export type Params = Readonly<Record<string, unknown>>;

export type IncomingRequest = {
  readonly kind: "request";
  readonly id: RequestId;
  readonly method: string;
  readonly params: Params | undefined;
};

export type Incoming =
  | IncomingRequest
  | { readonly kind: "notification"; readonly method: string; readonly params: Params | undefined }
  /** A client's answer to a request of the server's. */
  | { readonly kind: "response"; readonly message: JSONRPCResponse }
  | { readonly kind: "malformed"; readonly id: RequestId | null; readonly code: number; readonly reason: string };

export type Parsed =
  | { readonly kind: "message"; readonly message: Incoming }
  | { readonly kind: "batch"; readonly messages: readonly Incoming[] }
  | { readonly kind: "unreadable"; readonly code: number; readonly reason: string };

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** As in the Language Server Protocol: outside the ranges that JSON-RPC and MCP keep for themselves. */
export const REQUEST_CANCELLED = -32800;

/** Reads the text of one request body or one line. Never throws. */
export function parseMessages(text: string, limits: EdgeLimits): Parsed {
  if (!isShallow(text, limits.jsonDepth)) {
    return unreadable(INVALID_REQUEST, `Invalid request: JSON nests deeper than ${limits.jsonDepth} levels.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable(PARSE_ERROR, "Parse error: the body is not valid JSON.");
  }
  if (!Array.isArray(value)) return { kind: "message", message: readMessage(value) };
  if (value.length === 0) return unreadable(INVALID_REQUEST, "Invalid request: a batch must not be empty.");
  if (value.length > limits.batchMessages) {
    const reason = `Invalid request: a batch of ${value.length} messages; at most ${limits.batchMessages} are allowed.`;
    return unreadable(INVALID_REQUEST, reason);
  }
  return { kind: "batch", messages: value.map(readMessage) };
}

export function isRecord(value: unknown): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isRequestId(value: unknown): value is RequestId {
  return typeof value === "string" || Number.isSafeInteger(value);
}

/** The request's `_meta`, if it has one. */
export function metaOf(params: Params | undefined): Params | undefined {
  const meta = params?._meta;
  return isRecord(meta) ? meta : undefined;
}

function readMessage(value: unknown): Incoming {
  if (!isRecord(value)) return malformed(null, "a message must be a JSON object.");
  const { jsonrpc, id, method } = value;
  // Some clients write out what they leave out.
  const params = value.params ?? undefined;
  const shownId = isRequestId(id) ? id : null;
  if (jsonrpc !== "2.0") return malformed(shownId, '"jsonrpc" must be "2.0".');
  if (method === undefined) return readResponse(value, shownId);
  if (typeof method !== "string") return malformed(shownId, '"method" must be a string.');
  if (params !== undefined && !isRecord(params)) return malformed(shownId, '"params" must be an object.');
  if (id === undefined) return { kind: "notification", method, params };
  if (!isRequestId(id)) return malformed(null, '"id" must be a string or an integer.');
  const fault = params?._meta === undefined ? undefined : faultOfMeta(params._meta);
  if (fault !== undefined) {
    return { kind: "malformed", id, code: INVALID_PARAMS, reason: `Invalid params: ${fault}` };
  }
  return { kind: "request", id, method, params };
}

function readResponse(value: Params, id: RequestId | null): Incoming {
  if (id === null) return malformed(null, 'a message must have a "method", or an "id" and a "result" or an "error".');
  if (isRecord(value.result)) {
    return { kind: "response", message: { jsonrpc: "2.0", id, result: value.result } };
  }
  const { error } = value;
  if (!isRecord(error) || !Number.isSafeInteger(error.code) || typeof error.message !== "string") {
    return malformed(id, 'a message must have a "method", a "result" or an "error".');
  }
  const { message, data } = error;
  return {
    kind: "response",
    message: { jsonrpc: "2.0", id, error: { code: Number(error.code), message, ...(data !== undefined && { data }) } },
  };
}

/** The keys of `_meta` that the SDK's schema looks at. */
function faultOfMeta(meta: unknown): string | undefined {
  if (!isRecord(meta)) return '"_meta" must be an object.';
  const { progressToken } = meta;
  if (progressToken !== undefined && !isRequestId(progressToken)) {
    return '"progressToken" must be a string or an integer.';
  }
  const task = meta["io.modelcontextprotocol/related-task"];
  if (task !== undefined && !(isRecord(task) && typeof task.taskId === "string")) {
    return '"io.modelcontextprotocol/related-task" must name a task.';
  }
  return undefined;
}

/** Counts brackets outside of strings, before anything recursive sees the text. */
function isShallow(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      depth += 1;
      if (depth > maxDepth) return false;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return true;
}

/** Where the string that opens at `start` closes; the text's end if it never does. */
function endOfString(text: string, start: number): number {
  let close = text.indexOf('"', start + 1);
  while (close !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(close - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return close;
    close = text.indexOf('"', close + 1);
  }
  return text.length;
}

function malformed(id: RequestId | null, reason: string): Incoming {
  return { kind: "malformed", id, code: INVALID_REQUEST, reason: `Invalid request: ${reason}` };
}

function unreadable(code: number, reason: string): Parsed {
  return { kind: "unreadable", code, reason };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
