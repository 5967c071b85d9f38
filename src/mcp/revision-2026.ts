// The revision 2026-07-28: no sessions, everything a request needs is in its `_meta`. The checks a request must pass, what its
// results carry besides, and its HTTP side. The same Server answers it.

import type { JSONRPCResponse, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { acceptedBodies, type Dialect } from "./answer.ts";
import type { Caller } from "./caller.ts";
import { dispatch } from "./dispatch.ts";
import type { Edge } from "./edge.ts";
import type { EdgeLimits } from "./limits.ts";
import {
  INVALID_PARAMS,
  INVALID_REQUEST,
  type IncomingRequest,
  isRecord,
  METHOD_NOT_FOUND,
  metaOf,
  type Parsed,
} from "./messages.ts";
import { CAPABILITIES_KEY, MISSING_CAPABILITY, VERSION_KEY } from "./meta-2026.ts";
import { headerText, type ParamHeaders } from "./param-headers.ts";
import { accepted, refuse } from "./refusal.ts";
import type { ServerDescription } from "./server.ts";
import { openMessageStream } from "./streams.ts";

export const VERSION_2026 = "2026-07-28";
const SERVER_INFO_KEY = "io.modelcontextprotocol/serverInfo";
const LOG_LEVEL_KEY = "io.modelcontextprotocol/logLevel";

const HEADER_MISMATCH = -32020;
const UNSUPPORTED_VERSION = -32022;

/** Methods the SDK's Server knows that this revision has taken away. */
const removedMethods: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** How long clients may keep a result: lists change only with a new version of the server, resources at any time. */
const cacheHints: Readonly<Record<string, { readonly ttlMs: number; readonly cacheScope: "public" | "private" }>> = {
  "server/discover": { ttlMs: 300_000, cacheScope: "public" },
  "tools/list": { ttlMs: 300_000, cacheScope: "public" },
  "prompts/list": { ttlMs: 300_000, cacheScope: "public" },
  "resources/list": { ttlMs: 300_000, cacheScope: "public" },
  "resources/templates/list": { ttlMs: 300_000, cacheScope: "public" },
  "resources/read": { ttlMs: 0, cacheScope: "private" },
};

/** What is named in the header `Mcp-Name`, by method. */
const nameParams: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

const noParamHeaders: ParamHeaders = new Map();

export type Fault = {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
};

/** What keeps a request from being served, over HTTP (`headers`) or stdio; undefined if nothing does. */
export function faultOf(
  request: IncomingRequest,
  headers?: Headers,
  paramHeaders: ParamHeaders = noParamHeaders,
): Fault | undefined {
  const meta = metaOf(request.params);
  const version = meta?.[VERSION_KEY];
  if (typeof version !== "string") return invalidMeta(VERSION_KEY, "a string");
  if (!isRecord(meta?.[CAPABILITIES_KEY])) return invalidMeta(CAPABILITIES_KEY, "an object");
  const mismatch = headers && faultOfHeader(headers, "MCP-Protocol-Version", version);
  if (mismatch !== undefined) return mismatch;
  if (version !== VERSION_2026) return unsupportedVersion(version);
  const wrong = headers && (faultOfNaming(request, headers) ?? faultOfParams(request, headers, paramHeaders));
  if (wrong !== undefined) return wrong;
  if (!removedMethods.has(request.method)) return undefined;
  return {
    status: 404,
    code: METHOD_NOT_FOUND,
    message: `Method not found: ${request.method} is not in ${VERSION_2026}.`,
  };
}

export function unsupportedVersion(requested: string): Fault {
  const shown = requested.slice(0, 40);
  return {
    status: 400,
    code: UNSUPPORTED_VERSION,
    message: `Unsupported protocol version: ${shown}. Supported: ${VERSION_2026}, and the revisions of 2025 by initialize.`,
    data: { supported: [VERSION_2026], requested },
  };
}

/** The answer to `server/discover`, before `finishResponse`. */
export function discovered(
  id: RequestId,
  { capabilities, extensions, instructions }: ServerDescription,
): JSONRPCResponse {
  const result = {
    supportedVersions: [VERSION_2026],
    capabilities: extensions === undefined ? capabilities : { ...capabilities, extensions },
    ...(instructions !== undefined && { instructions }),
  };
  return { jsonrpc: "2.0", id, result };
}

/** Adds what this revision wants in every result. */
export function finishResponse(
  method: string,
  response: JSONRPCResponse,
  description: ServerDescription,
): JSONRPCResponse {
  if (!("result" in response)) return response;
  const { result } = response;
  const hints = result.resultType === "input_required" ? undefined : cacheHints[method];
  const _meta = { ...result._meta, [SERVER_INFO_KEY]: description.info };
  return { ...response, result: { resultType: "complete", ...hints, ...result, _meta } };
}

/** Log messages only for those who asked for them, and never a request: input is asked for by `input_required`. */
export function allowsMessage(request: IncomingRequest, message: { readonly method: string }): boolean {
  if ("id" in message) return false;
  return message.method !== "notifications/message" || metaOf(request.params)?.[LOG_LEVEL_KEY] !== undefined;
}

export type Revision2026 = {
  post(request: Request, parsed: Parsed, caller: Caller): Response | Promise<Response>;
};

export function createRevision2026(
  edge: Edge,
  limits: EdgeLimits,
  description: ServerDescription,
  paramHeaders: ParamHeaders,
): Revision2026 {
  const dialect: Dialect = {
    finish: (exchange, response) => finishResponse(exchange.request.method, response, description),
    statusOf: (response) => ("error" in response ? statusOfError(response.error.code) : 200),
    allows: (exchange, message) => allowsMessage(exchange.request, message),
    openStream: (answer) => openMessageStream({ ...edge, limits, answer }),
  };
  return {
    post(request, parsed, caller) {
      if (parsed.kind === "unreadable") return refuse(400, parsed.code, parsed.reason);
      if (parsed.kind === "batch") {
        return refuse(400, INVALID_REQUEST, `Invalid request: ${VERSION_2026} has no batches.`);
      }
      const { message } = parsed;
      if (message.kind === "malformed") return refuse(400, message.code, message.reason, { id: message.id });
      if (message.kind === "notification") return accepted();
      if (message.kind === "response") {
        return refuse(
          400,
          INVALID_REQUEST,
          `Invalid request: ${VERSION_2026} has no requests of the server's to answer.`,
        );
      }
      const fault = faultOf(message, request.headers, paramHeaders);
      if (fault !== undefined) {
        return refuse(fault.status, fault.code, fault.message, { id: message.id, data: fault.data });
      }
      if (message.method === "server/discover") {
        return Response.json(finishResponse(message.method, discovered(message.id, description), description));
      }
      return dispatch(edge, [message], {
        caller,
        dialect,
        accepts: acceptedBodies(request),
        batch: false,
        cancelledByLeaving: request,
      });
    },
  };
}

function statusOfError(code: number): number {
  if (code === METHOD_NOT_FOUND) return 404;
  return code === MISSING_CAPABILITY ? 400 : 200;
}

function faultOfNaming(request: IncomingRequest, headers: Headers): Fault | undefined {
  const wrongMethod = faultOfHeader(headers, "Mcp-Method", request.method);
  if (wrongMethod !== undefined) return wrongMethod;
  const param = nameParams[request.method];
  const name = param === undefined ? undefined : request.params?.[param];
  return typeof name === "string" ? faultOfHeader(headers, "Mcp-Name", name) : undefined;
}

function faultOfParams(request: IncomingRequest, headers: Headers, paramHeaders: ParamHeaders): Fault | undefined {
  if (request.method !== "tools/call") return undefined;
  const { name, arguments: args } = request.params ?? {};
  for (const { param, header } of (typeof name === "string" ? paramHeaders.get(name) : undefined) ?? []) {
    const text = headerText(args, param);
    if (text === undefined && !headers.get(header)) continue;
    const fault = faultOfHeader(headers, header, text);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** `expected` undefined: there should be none. */
function faultOfHeader(headers: Headers, header: string, expected: string | undefined): Fault | undefined {
  const value = headers.get(header);
  if (value !== null && expected !== undefined && decodeHeader(value) === expected) return undefined;
  const what = value === null ? "is missing" : "differs from the body";
  return { status: 400, code: HEADER_MISMATCH, message: `Header mismatch: ${header} ${what}.` };
}

/** Values that HTTP cannot carry come as `=?base64?…?=` of their UTF-8. Undefined: it is not that. */
function decodeHeader(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, "base64");
  // Node skips what is no Base64.
  return bytes.toString("base64") === encoded ? bytes.toString("utf8") : undefined;
}

function invalidMeta(key: string, what: string): Fault {
  return { status: 400, code: INVALID_PARAMS, message: `Invalid params: _meta["${key}"] must be ${what}.` };
}
