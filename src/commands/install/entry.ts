// The one entry of a client's file that is ours: its name, which of that name are ours, and what of an older one stays.

import type { Entry } from "./clients.ts";

export const entryName = "msb-mcp";

/** What `install` writes itself, over all clients; everything else in an entry is its user's and stays. */
const written = [
  ...["type", "url", "httpUrl", "serverUrl", "headers", "http_headers", "bearer_token_env_var", "oauth"],
  ...["command", "args", "env", "env_vars"],
];

/** An entry that is to come, over one that is there. */
export function merged(ours: Entry, existing: Entry): Entry {
  const kept = Object.entries(existing).filter(([key]) => !written.includes(key));
  const headers = isRecord(existing.headers) ? without(existing.headers, "authorization") : {};
  const env = isRecord(existing.env) ? existing.env : {};
  return {
    ...ours,
    ...(urlOf(ours) !== undefined && extended("headers", ours, headers)),
    ...(urlOf(ours) === undefined && extended("env", ours, env)),
    ...Object.fromEntries(kept),
  };
}

/** Whether it is one that `install` could have written, now or earlier, or somebody who followed the documentation. */
export function isOurs(entry: unknown): entry is Entry {
  if (!isRecord(entry)) return false;
  const url = urlOf(entry);
  if (url !== undefined) return URL.parse(url)?.pathname.endsWith("/mcp") === true;
  const words = wordsOf(entry);
  const isNamed = words.some((word) => /(?:^|[\\/])msb-mcp(?:[@.-].*)?$/.test(word));
  return isNamed || (words.includes("--transport") && words.includes("stdio"));
}

/** For people, without anything that may be secret. */
export function described(entry: unknown): string {
  if (!isRecord(entry)) return "no server";
  const url = urlOf(entry);
  if (url !== undefined) return `http, ${shownUrl(url)}`;
  const [command = ""] = wordsOf(entry);
  return command === "" ? "unknown form" : `stdio, ${command}`;
}

export function urlOf(entry: Entry): string | undefined {
  return [entry.url, entry.httpUrl, entry.serverUrl].find((value) => typeof value === "string");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Credentials and a query may be secret. */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  return url === null ? "(not a URL)" : `${url.protocol}//${url.host}${url.pathname}`;
}

function wordsOf(entry: Entry): readonly string[] {
  return [entry.command, entry.args].flat().filter((word) => typeof word === "string");
}

function extended(field: string, ours: Entry, others: Entry): Entry {
  const own = ours[field];
  const all = { ...others, ...(isRecord(own) && own) };
  return Object.keys(all).length === 0 ? {} : { [field]: all };
}

function without(record: Entry, lowerName: string): Entry {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name.toLowerCase() !== lowerName));
}
