// The ids of sessions and executions: not to be guessed, and telling enough that a typo, another installation's id and one that is
// simply gone are told apart. "session-", 5 characters of the installation, "-", 20 at random, 4 of a checksum: 38 of [a-z0-9-].

/** Crockford's Base32 in lower case: no i, l, o, u, which people and models mistake for others. 5 bits a character. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const tagLength = 5;
/** 100 bits. */
const randomLength = 20;
const checkLength = 4;

type IdKind = "session" | "execution";

const shape = new RegExp(
  `^(session|execution)-([${alphabet}]{${tagLength}}-[${alphabet}]{${randomLength}})([${alphabet}]{${checkLength}})$`,
);

/**
 * What an id tells by itself: `ours` was made by this installation, `foreign` by another one, `mistyped` has the form of an id but
 * not its check digits, `malformed` is none at all.
 */
export type IdOrigin = "ours" | "foreign" | "mistyped" | "malformed";

/** A new one, unique for all time. */
export function newSessionId(installationId: string): string {
  return newId("session", installationId);
}

/** The same for an execution: "execution-" and the same form behind it. */
export function newExecutionId(installationId: string): string {
  return newId("execution", installationId);
}

function newId(kind: IdKind, installationId: string): string {
  const body = `${tagOf(installationId)}-${letters(crypto.getRandomValues(new Uint8Array(randomLength)))}`;
  return `${kind}-${body}${checkOf(kind, body)}`;
}

export function originOf(id: string, installationId: string, kind: IdKind = "session"): IdOrigin {
  const [, shown, body, check] = shape.exec(id) ?? [];
  if (body === undefined || shown !== kind) return "malformed";
  if (checkOf(kind, body) !== check) return "mistyped";
  return body.startsWith(`${tagOf(installationId)}-`) ? "ours" : "foreign";
}

/** What an id of a session or an execution carries of who made it; undefined for what is none, as a mistyped one. */
export function tagIn(id: string): string | undefined {
  const [, kind, body, check] = shape.exec(id) ?? [];
  if ((kind !== "session" && kind !== "execution") || body === undefined) return undefined;
  return checkOf(kind, body) === check ? body.slice(0, tagLength) : undefined;
}

/** What the ids that an installation makes carry. */
export function tagOf(installationId: string): string {
  return letters(digest(`session ids of\0${installationId}`)).slice(0, tagLength);
}

function checkOf(kind: IdKind, body: string): string {
  return letters(digest(`${kind} id\0${body}`)).slice(0, checkLength);
}

/** One for each byte, by its lowest 5 bits. */
function letters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => alphabet[byte & 31]).join("");
}

function digest(text: string): Uint8Array {
  const bytes = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(text, bytes);
  return bytes;
}
