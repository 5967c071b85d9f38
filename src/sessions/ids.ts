// The ids of sessions: not to be guessed, and telling enough that a typo, another installation's id and one that is simply gone
// are told apart. "session-", 5 characters of the installation, "-", 20 at random, 4 of a checksum: 38 of [a-z0-9-].

import { createHash } from "node:crypto";

/** Crockford's Base32 in lower case: no i, l, o, u, which people and models mistake for others. 5 bits a character. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const tagLength = 5;
/** 100 bits. */
const randomLength = 20;
const checkLength = 4;

const shape = new RegExp(
  `^session-([${alphabet}]{${tagLength}}-[${alphabet}]{${randomLength}})([${alphabet}]{${checkLength}})$`,
);

/**
 * What an id tells by itself: `ours` was made by this installation, `foreign` by another one, `mistyped` has the form of an id but
 * not its check digits, `malformed` is none at all.
 */
export type IdOrigin = "ours" | "foreign" | "mistyped" | "malformed";

/** A new one, unique for all time. */
export function newSessionId(installationId: string): string {
  const body = `${tagOf(installationId)}-${letters(crypto.getRandomValues(new Uint8Array(randomLength)))}`;
  return `session-${body}${checkOf(body)}`;
}

export function originOf(sessionId: string, installationId: string): IdOrigin {
  const [, body, check] = shape.exec(sessionId) ?? [];
  if (body === undefined) return "malformed";
  if (checkOf(body) !== check) return "mistyped";
  return body.startsWith(`${tagOf(installationId)}-`) ? "ours" : "foreign";
}

function tagOf(installationId: string): string {
  return letters(digest(`session ids of\0${installationId}`)).slice(0, tagLength);
}

function checkOf(body: string): string {
  return letters(digest(`session id\0${body}`)).slice(0, checkLength);
}

/** One for each byte, by its lowest 5 bits. */
function letters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => alphabet[byte & 31]).join("");
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
