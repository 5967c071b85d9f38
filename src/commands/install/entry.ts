// The one entry of a client's file that is ours: its name, which of that name are ours, and what of an older one stays.

import { isLoopback } from "../../http/authority.ts";
import type { Client, Entry } from "./clients.ts";
import { textsOf } from "./shown.ts";

export const entryName = "msb-mcp";

/** What a client's environment has the token in, unless the client asks for it. */
export const tokenVariable = "MSB_MCP_TOKEN";

/** What `install` writes itself, over all clients; everything else in an entry is its user's and stays. */
const written = [
  ...["type", "url", "httpUrl", "serverUrl", "headers", "http_headers", "bearer_token_env_var", "oauth"],
  ...["command", "args", "env", "env_vars"],
];

/** An entry that is to come, over one of ours that is there. Headers stay only where they go to no other machine than before. */
export function merged(ours: Entry, existing: Entry): Entry {
  const kept = Object.entries(existing).filter(([key]) => !written.includes(key));
  const isKept = isSameMachine(urlOf(ours), urlOf(existing));
  const headers = isKept && isRecord(existing.headers) ? without(existing.headers, "authorization") : {};
  const env = isRecord(existing.env) ? existing.env : {};
  return {
    ...ours,
    ...(urlOf(ours) !== undefined && extended("headers", ours, headers)),
    ...(urlOf(ours) === undefined && extended("env", ours, env)),
    ...Object.fromEntries(kept),
  };
}

/**
 * Whether it is one that `install` could have written, now or earlier, or somebody who followed the documentation. Others have their MCP
 * at /mcp too: elsewhere than on this machine an entry is ours if it names our token, or is to the letter what `install` writes.
 * `wanted` is the entry that is to come; one for the same URL is ours as well.
 */
export function isOurs(entry: unknown, client: Client, wanted?: Entry): entry is Entry {
  if (!isRecord(entry)) return false;
  const text = urlOf(entry);
  if (text === undefined || entry.command !== undefined) return startsUs(entry);
  const url = URL.parse(text);
  if (url === null || !/\/mcp\/?$/.test(url.pathname) || url.username !== "" || url.search !== "") return false;
  return (
    isLoopback(url.hostname) ||
    (wanted !== undefined && urlOf(wanted) === text) ||
    refersToToken(entry, client) ||
    isAsWritten(entry, text, client)
  );
}

/** Whether the token itself stands in it. */
export function holdsToken(entry: unknown): boolean {
  const token = isRecord(entry) ? tokenOf(entry) : undefined;
  return token !== undefined && !/[${]/.test(token);
}

function startsUs(entry: Entry): boolean {
  const words = wordsOf(entry);
  if (words.some((word) => /(?:^|[\\/])msb-mcp(?:[@.-].*)?$/.test(word))) return true;
  // From source: the main module, and then what `install` puts first.
  const at = words.findIndex((word) => /[\\/]main\.ts$/.test(word));
  return at >= 0 && words[at + 1] === "--transport" && words[at + 2] === "stdio";
}

function refersToToken(entry: Entry, { prompt }: Client): boolean {
  if (entry.bearer_token_env_var === tokenVariable) return true;
  const names = [tokenVariable, ...(prompt === undefined ? [] : [prompt.id])];
  return textsOf(entry.headers).some((text) =>
    names.some((name) => new RegExp(`[^\\w-]${name}[^\\w-]`).test(`${text} `)),
  );
}

function isAsWritten(entry: Entry, url: string, { http, canRefer }: Client): boolean {
  if (http === undefined) return false;
  const token = canRefer ? undefined : tokenOf(entry);
  const written = http(url, token === undefined ? { kind: "none" } : { kind: "token", token });
  return Bun.deepEquals(entry, written);
}

function tokenOf(entry: Entry): string | undefined {
  const headers = [entry.headers, entry.http_headers].filter(isRecord).flatMap(Object.entries<unknown>);
  const value = headers.find(([name]) => name.toLowerCase() === "authorization")?.[1];
  return typeof value === "string" ? /^Bearer (.+)$/i.exec(value)?.[1] : undefined;
}

/** All of loopback is one. */
function isSameMachine(one: string | undefined, other: string | undefined): boolean {
  const [a, b] = [one, other].map((text) => (text === undefined ? null : URL.parse(text)));
  if (a == null || b == null) return false;
  return a.origin === b.origin || (isLoopback(a.hostname) && isLoopback(b.hostname));
}

/** For people, without anything that may be secret. */
export function described(entry: unknown): string {
  if (!isRecord(entry)) return "no server";
  const url = urlOf(entry);
  if (url !== undefined) return `http, ${shownUrl(url)}`;
  const [command = ""] = wordsOf(entry);
  return command === "" ? "unknown form" : `stdio, ${command}`;
}

function urlOf(entry: Entry): string | undefined {
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
