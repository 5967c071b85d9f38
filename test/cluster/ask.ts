// Short ways to ask a node over HTTP, in bare JSON-RPC.

import { type TestNode, tokenOf } from "./nodes.ts";

export type Told = {
  readonly session_id?: string;
  readonly execution_id?: string;
  readonly content?: readonly { readonly type: string; readonly text: string }[];
  readonly sessions?: readonly { readonly session_id: string }[];
  readonly isError?: boolean;
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly _meta?: Readonly<Record<string, unknown>>;
} & Readonly<Record<string, unknown>>;

export type Answer = {
  readonly result?: Told;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly error_code: string; readonly context: Readonly<Record<string, unknown>> };
  };
  readonly headers: Headers;
};

type Asking = { readonly principal?: string; readonly headers?: Readonly<Record<string, string>> };

export async function post(node: TestNode, message: unknown, { principal = "alice", headers = {} }: Asking = {}) {
  return await fetch(`${node.base}/mcp`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: tokenOf(principal), ...headers },
    body: JSON.stringify(message),
  });
}

export function toolCall(name: string, args: object, id: number | string = 1) {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

export async function callTool(node: TestNode, name: string, args: object, asking: Asking = {}): Promise<Answer> {
  const response = await post(node, toolCall(name, args), asking);
  return { ...((await response.json()) as Omit<Answer, "headers">), headers: response.headers };
}

/** A run that is to succeed. */
export async function run(node: TestNode, code: string, args: object = {}, asking: Asking = {}) {
  const { result, error } = await callTool(node, "execute_code", { code, ...args }, asking);
  const { session_id, execution_id } = result ?? {};
  if (session_id === undefined || execution_id === undefined) throw new Error(error?.message ?? "no session");
  return { session_id, execution_id, text: result?.content?.[0]?.text ?? "", node: result?._meta?.["msb-mcp/node"] };
}

/** A session on this node. */
export async function openOn(owner: TestNode, asking: Asking = {}): Promise<string> {
  const { registry } = owner;
  const before = registry.favourite;
  registry.favourite = owner.id;
  const { session_id } = await run(owner, "set x 42", {}, asking);
  registry.favourite = before;
  return session_id;
}

/** Looks in each turn of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
