// What can be read from an API key without the server's key: which namespace it is good for, and until when.

export type KeyClaims = {
  /** "*" for any namespace. */
  readonly namespace: string;
  /** Milliseconds since the epoch; null where the key does not say. */
  readonly expiresAtMs: number | null;
};

/** The claims of an "msb_" key; null for anything else, which is the server's to judge. */
export function readKey(apiKey: string): KeyClaims | null {
  const payload = apiKey.startsWith("msb_") ? apiKey.split(".")[1] : undefined;
  if (payload === undefined) {
    return null;
  }
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null || !("namespace" in claims)) {
      return null;
    }
    const expires = "exp" in claims ? claims.exp : undefined;
    return typeof claims.namespace === "string"
      ? { namespace: claims.namespace, expiresAtMs: typeof expires === "number" ? expires * 1000 : null }
      : null;
  } catch {
    return null;
  }
}
