// For which host is a TLS connection? Its ClientHello as RFC 8446 (4.1.2) and RFC 6066 (3) lay it out, over as many records as it is
// cut into.

import type { Reading } from "./opening.ts";

export type Hello =
  /** `name` is undefined where the client gives none. */
  | { readonly kind: "tls"; readonly name: string | undefined; readonly isEncrypted: boolean }
  /** Begins as TLS does, and is none that says for whom it is. */
  | { readonly kind: "broken" }
  /** Another protocol. */
  | { readonly kind: "other" };

/** Bytes that a ClientHello may have: those of today have 2 KiB at most. */
export const maxHelloBytes = 32 * 1024;

const [handshakeRecord, clientHello, nameExtension, encryptedHelloExtension] = [0x16, 1, 0, 0xfe0d];
const recordHeaderBytes = 5;
const messageHeaderBytes = 4;

/** `used` is always 0: whatever was read is for the host. */
export function readHello(bytes: Buffer): Reading<Hello> {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== handshakeRecord) return found({ kind: "other" });
  if (bytes.length < recordHeaderBytes) return undefined;
  if (bytes[1] !== 3) return found({ kind: "broken" });
  const message = messageOf(bytes);
  if (message === undefined) return bytes.length > maxHelloBytes ? found({ kind: "broken" }) : undefined;
  return found(message === "none" ? { kind: "broken" } : parseHello(message));
}

function found(value: Hello): Reading<Hello> {
  return { value, used: 0 };
}

/** The first message of the handshake; undefined while it is not whole. */
function messageOf(bytes: Buffer): Buffer | "none" | undefined {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + recordHeaderBytes <= bytes.length) {
    if (bytes[at] !== handshakeRecord) return "none";
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return "none";
    const start = at + recordHeaderBytes;
    pieces.push(bytes.subarray(start, Math.min(start + length, bytes.length)));
    at = start + length;
  }
  const message = Buffer.concat(pieces);
  if (message.length > 0 && message[0] !== clientHello) return "none";
  if (message.length < messageHeaderBytes) return undefined;
  const whole = messageHeaderBytes + message.readUIntBE(1, 3);
  if (whole > maxHelloBytes) return "none";
  return message.length < whole ? undefined : message.subarray(messageHeaderBytes, whole);
}

/** A message that is cut short or names two hosts is no TLS. */
function parseHello(message: Buffer): Hello {
  try {
    let at = 2 + 32;
    at += 1 + message.readUInt8(at); // the session's id
    at += 2 + message.readUInt16BE(at); // the ciphers
    at += 1 + message.readUInt8(at); // compressions
    const names: string[] = [];
    let isEncrypted = false;
    if (at < message.length) at += 2;
    const isWhole = at === message.length || at + message.readUInt16BE(at - 2) === message.length;
    while (isWhole && at < message.length) {
      const type = message.readUInt16BE(at);
      const end = at + 4 + message.readUInt16BE(at + 2);
      if (type === nameExtension) names.push(nameOf(message.subarray(at + 4, end)));
      isEncrypted ||= type === encryptedHelloExtension;
      at = end;
    }
    if (!isWhole || at !== message.length || names.length > 1) return { kind: "broken" };
    return { kind: "tls", name: names[0], isEncrypted };
  } catch {
    return { kind: "broken" };
  }
}

/** Exactly one name, of the one type that there is. Throws for anything else. */
function nameOf(body: Buffer): string {
  const length = body.readUInt16BE(3);
  if (body.readUInt16BE(0) !== length + 3 || body[2] !== 0 || body.length !== length + 5) throw new Error("no name");
  return body.toString("latin1", 5).toLowerCase();
}
