// What is said of a file that goes out: never anything by which a browser would run or show it as a page of ours.

import type { FileInfo, GuestPath } from "../../sandbox/files.ts";

/** Types that no browser runs anything of. Whatever is not here goes as bytes: HTML, SVG, XML and scripts among them. */
const safeTypes: Readonly<Record<string, string>> = {
  avif: "image/avif",
  csv: "text/csv; charset=utf-8",
  gif: "image/gif",
  gz: "application/gzip",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  log: "text/plain; charset=utf-8",
  md: "text/markdown; charset=utf-8",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  parquet: "application/vnd.apache.parquet",
  pdf: "application/pdf",
  png: "image/png",
  py: "text/plain; charset=utf-8",
  tar: "application/x-tar",
  tsv: "text/tab-separated-values; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  wav: "audio/wav",
  webp: "image/webp",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  zip: "application/zip",
};

/** On every answer of these routes, errors too. */
export const guardedHeaders: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox; default-src 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  // The URL is the permission.
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "private, no-cache",
};

export function typeOf(path: GuestPath): string {
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  return (Object.hasOwn(safeTypes, extension) ? safeTypes[extension] : undefined) ?? "application/octet-stream";
}

export function fileHeaders(info: FileInfo): Readonly<Record<string, string>> {
  return {
    "Content-Type": typeOf(info.path),
    "Content-Disposition": dispositionOf(nameOf(info.path)),
    "Accept-Ranges": "bytes",
    ETag: etagOf(info),
    "Last-Modified": new Date(info.modifiedMs).toUTCString(),
  };
}

/** RFC 9110 section 8.8.3, a strong one. */
export function etagOf({ version }: FileInfo): string {
  return `"${version}"`;
}

export function nameOf(path: GuestPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** RFC 6266 and RFC 8187: a name for old clients, and the real one. */
export function dispositionOf(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%/]/g, "_") || "file";
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return encoded === plain
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
