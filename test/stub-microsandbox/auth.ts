// API keys of the microsandbox server: "msb_" and a JWT signed with the server's key (reference section 4).

import { errors, jwtVerify, SignJWT } from "jose";
import { badRequest, ServerError } from "./errors.ts";

export type KeyRequest = {
  /** A namespace, or "*" for any. */
  readonly namespace?: string;
  /** Negative makes a key that has expired already. The real server's default is a day. */
  readonly lifeSeconds?: number;
};

export async function makeKey(serverKey: string, request: KeyRequest = {}): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({ namespace: request.namespace ?? "*" })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + (request.lifeSeconds ?? 24 * 3600))
    .sign(new TextEncoder().encode(serverKey));
  return `msb_${token}`;
}

/** The namespace a request's key is good for. Throws ServerError 401. */
export async function authenticate(headers: Headers, serverKey: string): Promise<string> {
  const value = headers.get("proxy-authorization") ?? headers.get("authorization");
  const key = value?.startsWith("Bearer ") ? value.slice("Bearer ".length) : value;
  if (!key?.startsWith("msb_")) {
    throw new ServerError(401, 1001, "Invalid credentials");
  }
  try {
    const verified = await jwtVerify(key.slice("msb_".length), new TextEncoder().encode(serverKey), {
      algorithms: ["HS256"],
      requiredClaims: ["exp", "iat", "namespace"],
    });
    const namespace = verified.payload.namespace;
    if (typeof namespace === "string") {
      return namespace;
    }
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) {
      throw error;
    }
  }
  throw new ServerError(401, 1004, "Invalid or expired token");
}

/** Throws ServerError 403 unless a key for `claim` may speak of the namespace in `params`, 400 if there is none. */
export function authorize(claim: string, method: string, params: unknown): void {
  if (claim === "*") return;
  if (params === undefined) throw badRequest("Missing 'params' field in JSON-RPC request");
  const namespace = typeof params === "object" && params !== null && "namespace" in params ? params.namespace : null;
  if (typeof namespace !== "string") {
    throw badRequest(`Missing or invalid 'namespace' in params for method '${method}'`);
  }
  if (claim !== namespace) throw new ServerError(403, 3001, "Access denied");
}
