// Conditional requests and ranges (RFC 9110 sections 13 and 14), as far as one file needs them.

import type { FileInfo } from "../../sandbox/files.ts";
import { etagOf } from "./headers.ts";

/** What a GET or HEAD with conditions comes to: 304 not modified, 412 precondition failed, or the file. */
export function readVerdict({ headers }: Request, info: FileInfo): 200 | 304 | 412 {
  const etag = etagOf(info);
  const match = headers.get("if-match");
  if (match !== null && !lists(match, etag)) return 412;
  const unmodifiedSince = dateOf(headers.get("if-unmodified-since"));
  if (match === null && unmodifiedSince !== undefined && secondsOf(info) > unmodifiedSince) return 412;
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) return lists(noneMatch.replace(/W\//g, ""), etag) ? 304 : 200;
  const modifiedSince = dateOf(headers.get("if-modified-since"));
  return modifiedSince !== undefined && secondsOf(info) <= modifiedSince ? 304 : 200;
}

/** May a file be written, by If-Match and If-None-Match, over what is there now? `info` is undefined if nothing is. */
export function mayWrite({ headers }: Request, info: FileInfo | undefined): boolean {
  const match = headers.get("if-match");
  const noneMatch = headers.get("if-none-match");
  if (match !== null && (info === undefined || !lists(match, etagOf(info)))) return false;
  return noneMatch === null || info === undefined || !lists(noneMatch.replace(/W\//g, ""), etagOf(info));
}

/** Bytes from `start` up to `end`, which is not among them. */
export type Span = { readonly start: number; readonly end: number };

/**
 * What Range asks for. `whole`: everything, also for a range that is malformed, of several parts or of another version, as section 14.2 allows;
 * undefined: there is nothing there.
 */
export function spanOf({ headers }: Request, info: FileInfo): Span | "whole" | undefined {
  const range = headers.get("range");
  if (range === null || !isSameVersion(headers.get("if-range"), info)) return "whole";
  const [, first = "", last = ""] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(range) ?? [];
  const size = info.sizeBytes;
  if (first === "" && last === "") return "whole";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? undefined : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return "whole";
  if (start >= size) return undefined;
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/** Of Content-Range: the bytes that this request brings, and how many there are in all, if that is told. */
export type BroughtRange = Span & { readonly total: number | undefined };

/** Undefined if it is malformed. */
export function broughtRange(text: string): BroughtRange | undefined {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(text) ?? [];
  if (first === undefined || last === undefined || total === undefined) return undefined;
  const range = { start: Number(first), end: Number(last) + 1, total: total === "*" ? undefined : Number(total) };
  return range.end <= range.start || range.end > (range.total ?? range.end) ? undefined : range;
}

function isSameVersion(condition: string | null, info: FileInfo): boolean {
  if (condition === null) return true;
  return condition.startsWith('"') ? condition === etagOf(info) : dateOf(condition) === secondsOf(info);
}

/** Whether a list of entity tags, or `*`, has this one. */
function lists(tags: string, etag: string): boolean {
  return tags.trim() === "*" || tags.split(",").some((tag) => tag.trim() === etag);
}

/** HTTP's dates are whole seconds. */
function secondsOf({ modifiedMs }: FileInfo): number {
  return Math.floor(modifiedMs / 1000);
}

function dateOf(text: string | null): number | undefined {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
