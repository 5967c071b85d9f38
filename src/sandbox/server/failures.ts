// The one place where a call that failed becomes a Failure for the client of msb-mcp.

import { Failure, type FailureKind } from "../../failure.ts";
import type { CallError } from "./call-error.ts";
import { readKey } from "./key.ts";

export type FailureWording = {
  /** The server's URL without credentials. */
  readonly shownUrl: string;
  readonly apiKey: string | null;
  readonly nowMs: number;
};

/** `otherwise` is the kind for what is neither the connection's nor the configuration's fault; `what` says what was tried. */
export function toFailure(error: CallError, otherwise: FailureKind, what: string, wording: FailureWording): Failure {
  const { shownUrl } = wording;
  const context = { server: shownUrl, call: error.method };
  switch (error.problem) {
    case "unreachable":
    case "timeout":
      return new Failure("connection", `The microsandbox server at ${shownUrl} does not answer (${error.message}).`, {
        advice: ["Check that it is running (`msb server start`) and that MSB_SERVER_URL is its address."],
        context,
        cause: error,
      });
    case "malformed":
      return new Failure(
        "connection",
        `What answers at ${shownUrl} does not speak the API of a microsandbox server: to ${error.method}, ${error.message}.`,
        { advice: ["Check that MSB_SERVER_URL is the address of a microsandbox server 0.2."], context, cause: error },
      );
    case "unauthorized":
      return new Failure("configuration", unauthorized(wording), {
        advice: ["Make a key with `msb server keygen` and start this server with it in MSB_API_KEY."],
        context: { ...context, status: 401, server_code: error.code },
        cause: error,
      });
    case "forbidden":
      return new Failure("configuration", forbidden(wording), {
        advice: ["Make a key with `msb server keygen` for every namespace and put it in MSB_API_KEY."],
        context: { ...context, status: 403, server_code: error.code },
        cause: error,
      });
    case "rejected":
    case "internal":
      return new Failure(otherwise, `${what} (${error.method}: ${error.message}).`, { context, cause: error });
  }
}

function unauthorized({ apiKey, nowMs, shownUrl }: FailureWording): string {
  if (apiKey === null) {
    return `The microsandbox server at ${shownUrl} asks for an API key (401), and MSB_API_KEY is not set.`;
  }
  const expiresAtMs = readKey(apiKey)?.expiresAtMs ?? null;
  return expiresAtMs !== null && expiresAtMs <= nowMs
    ? `The API key in MSB_API_KEY expired at ${new Date(expiresAtMs).toISOString()} (401).`
    : `The microsandbox server at ${shownUrl} refuses the API key in MSB_API_KEY as invalid or expired (401).`;
}

function forbidden({ apiKey, shownUrl }: FailureWording): string {
  const namespace = apiKey === null ? null : readKey(apiKey)?.namespace;
  return namespace === null || namespace === undefined
    ? `The microsandbox server at ${shownUrl} denies access (403).`
    : `The microsandbox server at ${shownUrl} denies access (403) to the API key in MSB_API_KEY, whose namespace is ${namespace}.`;
}
