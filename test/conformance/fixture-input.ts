// Results of several rounds (2026-07-28, SEP-2322): what the fixtures ask a client for, and what it sent back.

import { createHmac } from "node:crypto";
import type { Result } from "@modelcontextprotocol/sdk/types.js";
import { isRecord } from "../../src/mcp/messages.ts";
import { ProtocolError } from "../../src/mcp/tool.ts";

export type Params = Readonly<Record<string, unknown>>;
export type InputRequest = { readonly method: string; readonly params: object };

export const listRoots: InputRequest = { method: "roots/list", params: {} };

export function elicit(message: string, fields: Readonly<Record<string, "string" | "boolean">>): InputRequest {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type }]));
  const requestedSchema = { type: "object", properties, required: Object.keys(fields) };
  return { method: "elicitation/create", params: { mode: "form", message, requestedSchema } };
}

export function sample(text: string, maxTokens: number): InputRequest {
  const messages = [{ role: "user", content: { type: "text", text } }];
  return { method: "sampling/createMessage", params: { messages, maxTokens } };
}

export function inputRequired(inputRequests: Readonly<Record<string, InputRequest>>, requestState?: string): Result {
  return { resultType: "input_required", inputRequests, ...(requestState !== undefined && { requestState }) };
}

/** The client's answer to one input request; undefined if it gave none that can be used. */
export function responseTo(params: Params, key: string): Params | undefined {
  const { inputResponses } = params;
  if (inputResponses === undefined) return undefined;
  if (!isRecord(inputResponses)) throw new ProtocolError(-32602, "Invalid params: inputResponses must be an object.");
  const response = inputResponses[key];
  return isRecord(response) ? response : undefined;
}

/** State that a client carries but cannot make. */
export function signState(step: string): string {
  return `${step}.${createHmac("sha256", "fixture").update(step).digest("hex")}`;
}

/** The step this request's state was signed for; undefined without a state. */
export function stepOf(params: Params): string | undefined {
  const { requestState } = params;
  if (requestState === undefined) return undefined;
  const [step = ""] = String(requestState).split(".", 1);
  if (requestState !== signState(step))
    throw new ProtocolError(-32602, "Invalid params: requestState was tampered with.");
  return step;
}
