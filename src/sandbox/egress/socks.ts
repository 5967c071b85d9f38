// SOCKS 5 (RFC 1928): connections only, without authentication, names included.

import type { Reading } from "./opening.ts";
import type { Target } from "./verdict.ts";

export const socksVersion = 5;

const [connect, addressV4, addressName, addressV6] = [1, 1, 3, 4];
const [noAuthentication, noMethod] = [0, 0xff];

export const socksReplies = {
  succeeded: 0,
  failed: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const;

export type SocksReply = keyof typeof socksReplies;

/** Does the client take a connection without authentication? */
export function readGreeting(bytes: Buffer): Reading<boolean> {
  const count = bytes[1];
  if (count === undefined || bytes.length < 2 + count) return undefined;
  return { value: bytes.subarray(2, 2 + count).includes(noAuthentication), used: 2 + count };
}

export function greetingAnswer(isTaken: boolean): Buffer {
  return Buffer.from([socksVersion, isTaken ? noAuthentication : noMethod]);
}

/** The target, or the answer to what is none. */
export function readSocksRequest(bytes: Buffer): Reading<Target | SocksReply> {
  const [version, command, , kind, first] = bytes;
  if (kind === undefined || first === undefined) return undefined;
  const refuse = (reply: SocksReply) => ({ value: reply, used: 0 });
  if (version !== socksVersion) return refuse("failed");
  if (command !== connect) return refuse("commandNotSupported");
  const lengths: Readonly<Record<number, number>> = { [addressV4]: 4, [addressV6]: 16, [addressName]: first };
  const length = lengths[kind];
  if (length === undefined) return refuse("addressNotSupported");
  const start = kind === addressName ? 5 : 4;
  const used = start + length + 2;
  if (bytes.length < used) return undefined;
  const address = bytes.subarray(start, start + length);
  const port = bytes.readUInt16BE(start + length);
  const host = kind === addressName ? nameOf(address) : literalOf(address);
  return host === undefined || port === 0 ? refuse("failed") : { value: { host, port }, used };
}

export function socksAnswer(reply: SocksReply): Buffer {
  return Buffer.from([socksVersion, socksReplies[reply], 0, addressV4, 0, 0, 0, 0, 0, 0]);
}

function nameOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1").toLowerCase();
  return /^[a-z0-9._:-]+$/.test(text) ? text : undefined;
}

function literalOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(":");
}
