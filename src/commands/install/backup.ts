// The copies of a client's file from before msb-mcp changed it. The first is never replaced; where the file had been changed by others and
// got the entry once more, there is a second, of that time. None with our token is readable by others, or stays after `uninstall`.

import { rm } from "node:fs/promises";
import type { Client } from "./clients.ts";
import { entryIn, withEntry, withoutEntry } from "./document.ts";
import { holdsToken, isOurs } from "./entry.ts";
import { type Backup, snapshot, textOf } from "./file.ts";

export type Kept = {
  readonly path: string;
  /** Undefined where it cannot be read as the client's file. */
  readonly text: string | undefined;
  readonly entry: unknown;
};

/** Of the first change, and of the latest. */
export function backupPaths(path: string): readonly [string, string] {
  return [`${path}.msb-mcp-backup`, `${path}.msb-mcp-backup-latest`];
}

/** Those that are there, the first one first. */
export async function backupsOf(path: string, client: Client): Promise<readonly Kept[]> {
  const all = await Promise.all(backupPaths(path).map((it) => kept(it, client)));
  return all.filter((it) => it !== undefined);
}

async function kept(path: string, client: Client): Promise<Kept | undefined> {
  try {
    const it = await snapshot(path);
    if (it.bytes === undefined) return undefined;
    const text = textOf(it);
    return { path, text, entry: entryIn(text, client) };
  } catch {
    return { path, text: undefined, entry: undefined };
  }
}

/** Where the file is to be kept before a change; undefined where it is kept already, or there is nothing but our entry in it. */
export function backupFor(
  path: string,
  text: string,
  backups: readonly Kept[],
  client: Client,
  { existing, isOwn }: { readonly existing: unknown; readonly isOwn: boolean },
): Backup | undefined {
  const [first, latest] = backupPaths(path);
  if (isOwn) {
    if (backups.length > 0 || isBefore("", text, client, existing)) return undefined;
    return { path: first, isNew: true, isPrivate: holdsToken(existing) };
  }
  if (backups.some((it) => it.text === text)) return undefined;
  const at = (wanted: string) => backups.find((it) => it.path === wanted);
  const original = at(first);
  // One that has our entry is not from before the first change.
  const target = original === undefined || isOurs(original.entry, client) ? first : latest;
  return { path: target, isNew: at(target) === undefined, isPrivate: false };
}

/** The file as it was, if our entry is all that has been changed since. */
export function originalOf(
  text: string,
  backups: readonly Kept[],
  client: Client,
  entry: unknown,
): { readonly path: string | undefined; readonly text: string | undefined } | undefined {
  const found = backups.findLast(
    (it) => it.text !== undefined && !isOurs(it.entry, client) && isBefore(it.text, text, client, entry),
  );
  if (found !== undefined) return found;
  return isBefore("", text, client, entry) ? { path: undefined, text: undefined } : undefined;
}

/** Of those that are there, those with our token, and the one that was restored. */
export async function removeBackups(
  backups: readonly Kept[],
  restored: string | undefined,
  client: Client,
): Promise<void> {
  const gone = backups.filter(({ path, entry }) => path === restored || (isOurs(entry, client) && holdsToken(entry)));
  await Promise.all(gone.map(({ path }) => rm(path, { force: true })));
}

/** Several runs of `install` may have left a form that one would not have: without our entry the two are compared. */
function isBefore(earlier: string, text: string, client: Client, entry: unknown): boolean {
  try {
    const bare = withoutEntry(text, client);
    return entriesOf(entry, client).some((it) => withoutEntry(withEntry(earlier, client, it), client) === bare);
  } catch {
    return false;
  }
}

/** The entry, and one that has the client ask for a token: an earlier one may have done so. */
function entriesOf(entry: unknown, { http, prompt }: Client) {
  const asking = prompt && http?.("http://localhost/mcp", { kind: "variable", name: "" });
  return [...(typeof entry === "object" && entry !== null ? [{ ...entry }] : []), ...(asking ? [asking] : [])];
}
