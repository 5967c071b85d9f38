// What is thrown where another node could not be asked, or broke off.

export class PeerUnreachable extends Error {
  override readonly name = "PeerUnreachable";
  /** It may have begun what it was asked. What was not sent may be sent again. */
  readonly wasSent: boolean;

  constructor(message: string, options: { readonly wasSent: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.wasSent = options.wasSent;
  }
}

/** Of errors that come before anything could be sent: the system's, and Bun's. */
const unsentCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EADDRNOTAVAIL",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** Of certificates that were not taken: nothing goes over such a connection. */
const untrustedCodes: ReadonlySet<unknown> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_PURPOSE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Whether a connection may have been there before this error. */
export function wasSentBefore(cause: unknown): boolean {
  return !unsentCodes.has(codeOf(cause)) && !isUntrusted(cause);
}

export function isUntrusted(cause: unknown): boolean {
  return untrustedCodes.has(codeOf(cause));
}

export function notAnswered(host: string, cause: unknown, wasSent: boolean): PeerUnreachable {
  return new PeerUnreachable(`${host} did not answer (${String(codeOf(cause) ?? "no code")})`, { wasSent, cause });
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}
