// A client's file as a document with one entry that may be ours: reading it, putting it in, taking it out, whatever the format. Each
// change is read again before it is given back, and refused where anything else than the entry would differ.

import type { Client, Entry } from "./clients.ts";
import { entryName, isRecord } from "./entry.ts";
import { appendJson, parsedJson, putJson, readJson, removeJson } from "./json.ts";
import { UnusableText, withoutMark } from "./text.ts";
import { parsedToml, putToml, readToml, removeToml } from "./toml.ts";

/** Undefined where there is none. Throws UnusableText for a broken file, as the others do. */
export function entryIn(whole: string, client: Client): unknown {
  const { text } = withoutMark(whole);
  const { format } = client;
  if (format === "toml") return readToml(text, [...client.container, entryName]);
  return readJson(text, pathIn(text, client), format);
}

/** The very text, if the entry is there already. */
export function withEntry(whole: string, client: Client, entry: Entry): string {
  return changed(whole, client, (text) => {
    const { format, prompt } = client;
    const isThere = Bun.deepEquals(entryIn(text, client), entry);
    if (format === "toml") return isThere ? text : putToml(text, [...client.container, entryName], entry);
    const put = isThere ? text : putJson(text, pathIn(text, client), entry, format);
    if (prompt === undefined || !JSON.stringify(entry).includes(prompt.id)) return put;
    return promptAt(put, prompt) === undefined ? appendJson(put, prompt.list, prompt.element, format) : put;
  });
}

export function withoutEntry(whole: string, client: Client): string {
  return changed(whole, client, (text) => {
    const { format, prompt } = client;
    if (format === "toml") return removeToml(text, [...client.container, entryName]);
    const removed = removeJson(text, pathIn(text, client), format);
    const at = prompt && promptAt(removed, prompt);
    return prompt === undefined || at === undefined ? removed : removeJson(removed, [...prompt.list, at], format);
  });
}

function changed(whole: string, client: Client, change: (text: string) => string): string {
  const { mark, text } = withoutMark(whole);
  const parsed = client.format === "toml" ? parsedToml : parsedJson;
  const others = rest(parsed(text), client);
  const after = change(text);
  if (!hasJust(others, after, client, parsed)) {
    throw new UnusableText(`${client.container.join(".")} is written in a way that cannot be changed safely`);
  }
  return mark + after;
}

function hasJust(others: unknown, after: string, client: Client, parsed: (text: string) => unknown): boolean {
  try {
    return Bun.deepEquals(others, rest(parsed(after), client));
  } catch (error) {
    if (error instanceof UnusableText) return false;
    throw error;
  }
}

/** opencode 2 has the servers in `mcp.servers`; a server of that name would have a type. */
function pathIn(text: string, { container, format }: Client): readonly [string, ...string[]] {
  const [first] = container;
  if (first !== "mcp" || format === "toml") return [...container, entryName];
  const servers = readJson(text, ["mcp", "servers"], format);
  return isRecord(servers) && typeof servers.type !== "string" ? ["mcp", "servers", entryName] : ["mcp", entryName];
}

function promptAt(text: string, { list, id }: NonNullable<Client["prompt"]>): number | undefined {
  const inputs = list.reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), parsedJson(text));
  const at = Array.isArray(inputs) ? inputs.findIndex((input) => isRecord(input) && input.id === id) : -1;
  return at < 0 ? undefined : at;
}

/** All but what is ours; a container that is empty counts as none. */
function rest(document: unknown, { container, prompt }: Client): unknown {
  const paths = [[...container, entryName], ...(container[0] === "mcp" ? [["mcp", "servers", entryName]] : [])];
  const others = paths.reduce<unknown>((value, path) => omit(value, path), document ?? {});
  if (prompt === undefined || !isRecord(others)) return others;
  const [list] = prompt.list;
  const { [list]: inputs, ...more } = others;
  const kept = Array.isArray(inputs) ? inputs.filter((input) => !isRecord(input) || input.id !== prompt.id) : inputs;
  return kept === undefined || (Array.isArray(kept) && kept.length === 0) ? more : { ...more, [list]: kept };
}

function omit(value: unknown, [name, ...below]: readonly string[]): unknown {
  if (!isRecord(value) || name === undefined || !(name in value)) return value;
  const { [name]: inner, ...others } = value;
  const kept = below.length === 0 ? undefined : omit(inner, below);
  return kept === undefined || (isRecord(kept) && Object.keys(kept).length === 0)
    ? others
    : { ...others, [name]: kept };
}
