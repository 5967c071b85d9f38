// How nodes prove to each other that they have the cluster's secret: a signature over what is asked, of whom, for whom and when, and one over the
// answer's head. Whether a proof has been used before is replays.ts's to say.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** On a request its proof, on the answer the other one's. */
export const proofHeader = "msb-mcp-proof";

/** What is signed beside method and path. */
export type Claims = {
  /** The node that asks. */
  readonly from: string;
  /** The node that is asked, as it is registered. */
  readonly to: string;
  readonly epoch: number;
  /** For whom; empty where it is for nobody. */
  readonly principal: string;
  /** By the asking node's clock. */
  readonly atMs: number;
  /** Of the asking process: random, 32 hexadecimal digits. With `count` it is never used twice. */
  readonly instance: string;
  readonly count: number;
  /** SHA-256 of the body in hexadecimal; null of a file on its way, which is not there yet. */
  readonly bodyHash: string | null;
};

export type Asked = { readonly method: string; readonly path: string };

/** Another one when the fields change. */
const version = 1;
/** How far the clocks of two nodes may be apart. Milliseconds. */
export const maxSkewMs = 10 * 60_000;
/** No proof of ours is longer. */
const maxProofCharacters = 8192;

export function hashOf(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

export function signRequest(key: Uint8Array, asked: Asked, claims: Claims): string {
  const { from, to, epoch, principal, atMs, instance, count, bodyHash } = claims;
  const fields = [version, from, to, epoch, principal, atMs, instance, count, bodyHash];
  const text = Buffer.from(JSON.stringify(fields)).toString("base64url");
  return `${text}.${requestMac(key, asked, text).toString("base64url")}`;
}

/** Undefined for whatever nobody with the key has signed for this method and path, and for what is too old or too new. */
export function readProof(key: Uint8Array, asked: Asked, proof: string | null, nowMs: number): Claims | undefined {
  if (proof === null || proof.length > maxProofCharacters) return undefined;
  const [text, mac, ...rest] = proof.split(".");
  if (text === undefined || mac === undefined || rest.length > 0) return undefined;
  if (!isEqual(Buffer.from(mac, "base64url"), requestMac(key, asked, text))) return undefined;
  const claims = claimsOf(JSON.parse(Buffer.from(text, "base64url").toString()));
  return claims !== undefined && Math.abs(claims.atMs - nowMs) <= maxSkewMs ? claims : undefined;
}

/** Of the answer to a request with these claims. */
export function signAnswer(key: Uint8Array, { to, instance, count }: Claims, status: number): string {
  const text = ["msb-mcp node's answer", to, instance, count, status].join("\0");
  return createHmac("sha256", key).update(text).digest("base64url");
}

export function isProven(key: Uint8Array, claims: Claims, status: number, proof: string | null): boolean {
  return proof !== null && isEqual(Buffer.from(proof), Buffer.from(signAnswer(key, claims, status)));
}

function requestMac(key: Uint8Array, { method, path }: Asked, text: string): Buffer {
  return createHmac("sha256", key).update(`msb-mcp node's request\0${method} ${path}\0${text}`).digest();
}

/** Of what a node has signed, perhaps of another version. */
function claimsOf(fields: unknown): Claims | undefined {
  if (!Array.isArray(fields) || fields[0] !== version) return undefined;
  const [, from, to, epoch, principal, atMs, instance, count, bodyHash] = fields;
  return { from, to, epoch, principal, atMs, instance, count, bodyHash };
}

function isEqual(given: Buffer, right: Buffer): boolean {
  return given.length === right.length && timingSafeEqual(given, right);
}
