// sandbox://SESSION/PATH: a file of a session's sandbox as a URI. What is behind the first slash is the path: "/home/user/a.csv" comes with a
// slash of its own, "a.csv" is one of the home folder.

import type { GuestPath } from "../../sandbox/files.ts";
import { bytesOfGuestPath, guestPathOf } from "../../sandbox/guest-paths.ts";

export const sandboxPrefix = "sandbox://";

/** What a URI need not have encoded in its path. */
const plainBytes = new Set(Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"));

/** Throws Failure `file_refused` for a path that cannot be one. */
export function sandboxUri(sessionId: string, path: GuestPath): string {
  let encoded = "";
  for (const byte of bytesOfGuestPath(path)) {
    encoded += plainBytes.has(byte)
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return `${sandboxPrefix}${sessionId}/${encoded}`;
}

/** Undefined if it is none. */
export function readSandboxUri(uri: string): { readonly sessionId: string; readonly path: GuestPath } | undefined {
  const { sessionId, path } = /^sandbox:\/\/(?<sessionId>[^/?#]+)\/(?<path>.+)$/s.exec(uri)?.groups ?? {};
  if (sessionId === undefined || path === undefined) return undefined;
  const bytes = decoded(path);
  return bytes === undefined ? undefined : { sessionId, path: guestPathOf(bytes) };
}

/** Characters beyond ASCII may come as they are. */
function decoded(text: string): Uint8Array | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text) || !text.isWellFormed()) return undefined;
  const pieces = text.split(/((?:%[0-9a-f]{2})+)/i);
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 0 ? Buffer.from(piece) : Buffer.from(piece.replaceAll("%", ""), "hex"),
    ),
  );
}
