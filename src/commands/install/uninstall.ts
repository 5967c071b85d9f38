// `msb-mcp uninstall CLIENT`: takes the entry out again. Where nothing else has changed since, the file is again what it was before.

import type { ClientName } from "../../config/commands.ts";
import { type Client, clients, type Entry } from "./clients.ts";
import { entryIn, withEntry, withoutEntry } from "./document.ts";
import { described, entryName, isOurs, isRecord } from "./entry.ts";
import { backupOf, backupPath, removeBackup, replace, snapshot, textOf } from "./file.ts";
import type { Machine } from "./places.ts";
import { chosenFile, guarded, roundLimit, type Writers } from "./run.ts";
import { shownChange, textsOf } from "./shown.ts";

export type UninstallOptions = Writers & {
  readonly client: ClientName;
  readonly machine: Machine;
  readonly isProject: boolean;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
};

/** The exit status: 0 if the entry is not there any more, 1 if the file cannot be changed, 2 if there is no such file. */
export async function uninstall(options: UninstallOptions): Promise<0 | 1 | 2> {
  const { client: name, isDryRun, write, warn } = options;
  const client = clients[name];
  const file = await chosenFile(options, name);
  if (!file.ok) {
    warn(`msb-mcp: uninstall ${name}: ${file.problem}`);
    return 2;
  }
  const { path } = file;
  return await guarded(options, path, async () => {
    for (let round = 0; round < roundLimit; round++) {
      const before = await snapshot(path);
      const text = textOf(before);
      const existing = entryIn(text, client);
      if (existing === undefined) {
        write(`${client.title}: there is no entry ${entryName} in ${path}; nothing to change.`);
        return 0;
      }
      if (!isOurs(existing, client) && !options.isForced) {
        warn(
          `msb-mcp: ${path}: the entry ${entryName} is another server (${described(existing)}); nothing was changed`,
        );
        warn("Give --force to remove it all the same.");
        return 1;
      }
      const result = withoutIt(text, await backupOf(path), client, isRecord(existing) ? existing : {});
      write(`${client.title}: ${path}`);
      for (const line of shownChange(text, result.after ?? "", openTexts(existing, client))) write(line);
      if (isDryRun) {
        write("Nothing was written (--dry-run).");
        return 0;
      }
      if (!(await replace(before, result.after, { isPrivate: false, isBackedUp: result.kind === "taken out" })))
        continue;
      switch (result.kind) {
        case "restored":
          await removeBackup(path);
          write("Removed. The file is again as it was before.");
          break;
        case "ours alone":
          write("Removed, and the file with it: there was nothing else in it.");
          break;
        case "taken out":
          write(`Removed. The file as it was before: ${backupPath(path)}`);
          break;
      }
      return 0;
    }
    return undefined;
  });
}

/** Headers, variables and arguments may be secret; what kind of server it is, and where, is not. */
function openTexts(entry: unknown, { prompt }: Client): ReadonlySet<string> {
  const { type, url, httpUrl, serverUrl, command } = isRecord(entry) ? entry : {};
  return new Set(textsOf([type, url, httpUrl, serverUrl, command, prompt?.element]));
}

type Result =
  | { readonly kind: "restored" | "taken out"; readonly after: string }
  | { readonly kind: "ours alone"; readonly after: undefined };

function withoutIt(text: string, backup: string | undefined, client: Client, entry: Entry): Result {
  if (backup !== undefined && isBefore(backup, text, client, entry)) return { kind: "restored", after: backup };
  if (isBefore("", text, client, entry)) return { kind: "ours alone", after: undefined };
  return { kind: "taken out", after: withoutEntry(text, client) };
}

/** Whether the entry is all that has been changed since. */
function isBefore(earlier: string, text: string, client: Client, entry: Entry): boolean {
  try {
    return entryIn(earlier, client) === undefined && withEntry(earlier, client, entry) === text;
  } catch {
    return false;
  }
}
