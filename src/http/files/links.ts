// URLs that carry their own permission: for one path of one session, one direction, so many bytes and so long. Whoever has one needs no token. Who
// may ask for one, and whether the session is still there, is not looked at here.

import { createHmac, timingSafeEqual } from "node:crypto";
import { type ArchiveFormat, archiveFormatOf } from "../../archives/format.ts";
import type { Clock } from "../../clock.ts";
import type { GuestPath } from "../../sandbox/files.ts";

export type FileGrant = {
  readonly principal: string;
  readonly sessionId: string;
  readonly path: GuestPath;
  /** `GET` is for HEAD too; a HEAD with `PUT` tells how much has come. */
  readonly method: "GET" | "PUT";
  /** A folder as an archive. Undefined: one file. */
  readonly format: ArchiveFormat | undefined;
};

export type GrantRead = FileGrant & { readonly maxBytes: number };

export type FileLink = {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly maxBytes: number;
};

export interface FileLinks {
  mint(grant: FileGrant): FileLink;
  /** What the last part of a URL's path permits; undefined for whatever we have not signed, and for what has expired. */
  read(token: string): GrantRead | undefined;
  /** Where the server listens, once it does: the base of the URLs where no other is given. */
  listensAt(url: string): void;
}

export type FileLinksOptions = {
  /** Secret, 32 bytes. */
  readonly key: Uint8Array;
  /** Without a slash at its end. Undefined: where the server listens. */
  readonly publicUrl: string | undefined;
  readonly maxBytes: number;
  /** At most 24 hours. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
};

/** Of what is signed: another one when its fields change. */
const version = 1;

/** No token of ours is longer: a path of 4,096 bytes, each escaped as six characters of JSON, in base64. */
const maxTokenCharacters = 40_000;

export function createFileLinks({ key, publicUrl, maxBytes, lifetimeMs, clock }: FileLinksOptions): FileLinks {
  let base = publicUrl;
  const signatureOf = (body: string) => createHmac("sha256", key).update(`msb-mcp file link\0${body}`).digest();
  return {
    listensAt: (url) => {
      base ??= reachable(url);
    },
    mint: ({ principal, sessionId, path, method, format }) => {
      if (base === undefined) throw new Error("a file link was asked for before the server listens");
      const expiresS = Math.floor((clock.now() + lifetimeMs) / 1000);
      const fields = [version, principal, sessionId, path, method, format ?? "", maxBytes, expiresS];
      const body = Buffer.from(JSON.stringify(fields)).toString("base64url");
      const url = `${base}/files/${body}.${signatureOf(body).toString("base64url")}`;
      return { url, method, expiresAt: expiresS * 1000, maxBytes };
    },
    read: (token) => {
      const [body, signature, ...rest] = token.length > maxTokenCharacters ? [] : token.split(".");
      if (body === undefined || signature === undefined || rest.length > 0) return undefined;
      const given = Buffer.from(signature, "base64url");
      const right = signatureOf(body);
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
      return grantOf(JSON.parse(Buffer.from(body, "base64url").toString()), clock.now());
    },
  };
}

/** Of what we have signed ourselves, perhaps in another version. */
function grantOf(fields: unknown, nowMs: number): GrantRead | undefined {
  if (!Array.isArray(fields) || fields[0] !== version) return undefined;
  const [, principal, sessionId, path, method, format, maxBytes, expiresS] = fields;
  return expiresS * 1000 <= nowMs
    ? undefined
    : { principal, sessionId, path, method, format: archiveFormatOf(format), maxBytes };
}

/** An address that means all addresses is none to connect to. */
function reachable(url: string): string {
  return url.replace(/^http:\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, "http://localhost");
}
