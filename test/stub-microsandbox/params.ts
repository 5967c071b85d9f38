// The JSON-RPC requests the stub understands, checked as the real server's deserializer checks them.

import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { badRequest, internal } from "./errors.ts";

const optional = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const u8 = Type.Integer({ minimum: 0, maximum: 255 });
const u32 = Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 });
const u64 = Type.Integer({ minimum: 0 });

export const SandboxConfig = Type.Object({
  image: optional(Type.String()),
  memory: optional(u32),
  cpus: optional(u8),
  volumes: optional(Type.Array(Type.String())),
  ports: optional(Type.Array(Type.String())),
  envs: optional(Type.Array(Type.String())),
});
export type SandboxConfig = Static<typeof SandboxConfig>;

export const StartParams = Type.Object({
  sandbox: Type.String(),
  namespace: Type.String(),
  config: optional(SandboxConfig),
});
export const StopParams = Type.Object({ sandbox: Type.String(), namespace: Type.String() });
export const MetricsParams = Type.Object({ namespace: Type.String(), sandbox: optional(Type.String()) });
export const ReplParams = Type.Object({
  sandbox: Type.String(),
  namespace: Type.String(),
  language: Type.String(),
  code: Type.String(),
  timeout: optional(u64),
});
export const CommandParams = Type.Object({
  sandbox: Type.String(),
  namespace: Type.String(),
  command: Type.String(),
  args: Type.Optional(Type.Array(Type.String())),
  timeout: optional(u64),
});

/** Throws ServerError 400/2001. */
export function parseParams<T extends TSchema>(method: string, schema: T, params: unknown): Static<T> {
  if (!Value.Check(schema, params)) {
    const first = Value.Errors(schema, params).First();
    throw badRequest(`Invalid params for ${method}: ${first?.path ?? ""} ${first?.message ?? "of the wrong shape"}`);
  }
  return params;
}

/** What the server itself looks at before it passes a request on to a portal. Throws ServerError 400/2001. */
export function portalAddress(params: unknown): { readonly sandbox: string; readonly namespace: string } {
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw badRequest("Request parameters must be an object containing 'sandbox' and 'namespace'");
  }
  const { sandbox, namespace }: { sandbox?: unknown; namespace?: unknown } = params;
  if (typeof sandbox !== "string") throw badRequest("Missing required 'sandbox' parameter for portal request");
  if (typeof namespace !== "string") throw badRequest("Missing required 'namespace' parameter for portal request");
  return { sandbox, namespace };
}

/** What the portal refuses is a 500 to the server's client. Throws ServerError 500/5002. */
export function parsePortalParams<T extends TSchema>(schema: T, params: unknown): Static<T> {
  if (!Value.Check(schema, params)) throw internal();
  return params;
}

/** Reference section 6: names of sandboxes and namespaces. Throws ServerError 400/2001. */
export function checkNames(sandbox: string, namespace: string): void {
  checkName("Sandbox name", sandbox);
  if (namespace === "*") throw badRequest("Wildcard namespace (*) is not valid for sandbox creation");
  checkName("Namespace", namespace);
}

function checkName(kind: "Sandbox name" | "Namespace", name: string): void {
  if (name === "") {
    throw badRequest(`${kind} cannot be empty`);
  }
  if (name.length > 63) {
    throw badRequest(`${kind} cannot exceed 63 characters`);
  }
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    throw badRequest(`${kind} can only contain alphanumeric characters, hyphens, or underscores`);
  }
  if (!/^[A-Za-z0-9]/.test(name)) {
    throw badRequest(`${kind} must start with an alphanumeric character`);
  }
}
