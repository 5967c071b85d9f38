// Paths of the guest as they stand in URLs. Percent-encoding is undone once, and a path that a proxy or a client could take for another one is refused.

import type { GuestPath } from "../../sandbox/files.ts";
import { guestPathOf } from "../../sandbox/guest-paths.ts";

export type NamedFile = {
  /** As it stands in the URL. */
  readonly sessionId: string;
  /** Undefined where the URL's path is refused. */
  readonly path: GuestPath | undefined;
};

/** As it was sent: `URL` would resolve dot segments. */
export function pathOf(url: string): string {
  const [path = "/"] = targetOf(url).split(/[?#]/, 1);
  return path;
}

/** Path and query, as they were sent. */
export function targetOf(url: string): string {
  const from = url.indexOf("/", url.indexOf("://") + 3);
  return from < 0 ? "/" : url.slice(from);
}

/** `/sessions/ID/files/data/a.csv` from the home on, `/sessions/ID/files//etc/hosts` or `…/files/%2Fetc/hosts` from the root on. */
export function namedFile(urlPath: string): NamedFile | undefined {
  const [, sessionId, encoded] = /^\/sessions\/([^/]+)\/files\/(.*)$/s.exec(urlPath) ?? [];
  return sessionId === undefined || encoded === undefined ? undefined : { sessionId, path: decodedPath(encoded) };
}

function decodedPath(encoded: string): GuestPath | undefined {
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return undefined;
  const path = guestPathOf(bytesOf(encoded));
  const isClear = !path.includes("\0") && !path.split("/").some((name) => name === "." || name === "..");
  // The home, where nothing is named.
  return isClear ? path || "." : undefined;
}

function bytesOf(encoded: string): Uint8Array {
  return Buffer.from(
    Buffer.from(encoded)
      .toString("latin1")
      .replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}
