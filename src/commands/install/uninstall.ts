// `msb-mcp uninstall CLIENT`: takes the entry out again. Where nothing else has changed since, the file is again what it was before.

import type { ClientName } from "../../config/commands.ts";
import { backupFor, backupPaths, backupsOf, originalOf, removeBackups } from "./backup.ts";
import { type Client, clients } from "./clients.ts";
import { entryIn, withoutEntry } from "./document.ts";
import { described, entryName, holdsToken, isOurs, isRecord } from "./entry.ts";
import { clearDrafts, refuseReadOnly, replace, snapshot, textOf } from "./file.ts";
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
    if (!isDryRun) await clearDrafts([path, ...backupPaths(path)]);
    for (let round = 0; round < roundLimit; round++) {
      const before = await snapshot(path);
      const text = textOf(before);
      const existing = entryIn(text, client);
      if (existing === undefined) {
        write(`${client.title}: there is no entry ${entryName} in ${path}; nothing to change.`);
        return 0;
      }
      const isOwn = isOurs(existing, client);
      if (!isOwn && !options.isForced) {
        warn(
          `msb-mcp: ${path}: the entry ${entryName} is another server (${described(existing)}); nothing was changed`,
        );
        warn("Give --force to remove it all the same.");
        return 1;
      }
      await refuseReadOnly(before);
      const backups = await backupsOf(path, client);
      const original = isOwn ? originalOf(text, backups, client, existing) : undefined;
      const after = original === undefined ? withoutEntry(text, client) : original.text;
      write(`${client.title}: ${path}`);
      for (const line of shownChange(text, after ?? "", openTexts(existing, client))) write(line);
      if (isDryRun) {
        write("Nothing was written (--dry-run).");
        return 0;
      }
      const isSecret = isOwn && holdsToken(existing);
      const backup =
        original === undefined && !isSecret ? backupFor(path, text, backups, client, { existing, isOwn }) : undefined;
      if (!(await replace(before, after, { isPrivate: false, backup }))) continue;
      await removeBackups(backups, original?.path, client);
      if (original === undefined) {
        const kept = backup?.path ?? (await backupsOf(path, client)).at(-1)?.path;
        write(kept === undefined ? "Removed." : `Removed. The file as it was before: ${kept}`);
      } else if (original.text === undefined) {
        write("Removed, and the file with it: there was nothing else in it.");
      } else {
        write("Removed. The file is again as it was before.");
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
