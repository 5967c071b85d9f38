// `msb-mcp install CLIENT [URL]`: shows what an MCP client's configuration file gets, and writes it.

import { firstTokenPath, keptToken } from "../../http/auth/first-token.ts";
import { backupFor, backupPaths, backupsOf } from "./backup.ts";
import { clients } from "./clients.ts";
import { entryIn, withEntry } from "./document.ts";
import { described, entryName, isOurs, merged } from "./entry.ts";
import { clearDrafts, refuseReadOnly, replace, type Snapshot, snapshot, textOf } from "./file.ts";
import { type PlanOptions, planEntry } from "./plan.ts";
import { chosenFile, guarded, roundLimit, type Writers } from "./run.ts";
import { shownChange, textsOf } from "./shown.ts";

export type InstallOptions = Omit<PlanOptions, "firstToken"> &
  Writers & {
    readonly stateDir: string;
    readonly isDryRun: boolean;
    readonly isPrint: boolean;
    readonly isForced: boolean;
  };

/** The exit status: 0 if the entry is there, or shown; 1 if the file cannot be changed; 2 if what is asked for makes no sense. */
export async function install(options: InstallOptions): Promise<0 | 1 | 2> {
  const { write, warn } = options;
  const { stateDir } = options;
  const firstToken = { path: firstTokenPath(stateDir), token: await keptToken(stateDir).catch(() => undefined) };
  const plan = planEntry({ ...options, firstToken });
  const file = await chosenFile(options, options.client);
  const problems = [plan, file].flatMap((it) => (it.ok ? [] : [it.problem]));
  if (!plan.ok || !file.ok) {
    for (const problem of problems) warn(`msb-mcp: install ${options.client}: ${problem}`);
    return 2;
  }
  const { path } = file;
  if (options.isPrint) return print(options, plan, path);
  return await guarded(options, path, async () => {
    const client = clients[options.client];
    if (!options.isDryRun) await clearDrafts([path, ...backupPaths(path)]);
    for (let round = 0; round < roundLimit; round++) {
      const before = await snapshot(path);
      const text = textOf(before);
      const existing = entryIn(text, client);
      const isOwn = isOurs(existing, client, plan.entry);
      if (existing !== undefined && !isOwn && !options.isForced) {
        warn(
          `msb-mcp: ${path}: the entry ${entryName} is another server (${described(existing)}); nothing was changed`,
        );
        warn("Rename or remove it there, or give --force to replace it.");
        return 1;
      }
      const entry = isOwn ? merged(plan.entry, existing) : plan.entry;
      const after = withEntry(text, client, entry);
      if (after === text) {
        write(`${client.title}: ${entryName} is already in ${path} (${described(entry)}); nothing to change.`);
        for (const note of plan.notes) write(note);
        return 0;
      }
      await refuseReadOnly(before);
      write(`${client.title}: ${path}${before.bytes === undefined ? " (a new file)" : ""}`);
      const open = new Set(
        [...textsOf(plan.entry), ...textsOf(client.prompt?.element)].filter((it) => !isSecret(it, plan.secret)),
      );
      for (const line of shownChange(text, after, open)) write(line);
      if (options.isDryRun) {
        write("Nothing was written (--dry-run).");
        return 0;
      }
      const isPrivate = !options.isProject;
      const backups = await backupsOf(path, client);
      const backup =
        before.bytes === undefined ? undefined : backupFor(path, text, backups, client, { existing, isOwn });
      const isOfAnother = (now: Snapshot) => isOurs(entryIn(textOf(now), client), client);
      if (!(await replace(before, after, { isPrivate, backup: backup && { ...backup, isOfAnother } }))) continue;
      const kept = backup?.path ?? (before.bytes === undefined ? undefined : backups.at(-1)?.path);
      write(kept === undefined ? "Written." : `Written. The file as it was before: ${kept}`);
      for (const note of plan.notes) write(note);
      if (plan.secret !== undefined && ((before.mode ?? 0) & 0o077) !== 0) {
        write(`Others on this machine can read ${path}: chmod 600 it.`);
      }
      write((options.isProject ? client.next.project : undefined) ?? client.next.user);
      return 0;
    }
    return undefined;
  });
}

function print(
  { client: name, write, warn }: InstallOptions,
  plan: Extract<ReturnType<typeof planEntry>, { ok: true }>,
  path: string,
): 0 {
  const text = withEntry("", clients[name], plan.entry);
  const shown = plan.secret === undefined ? text : text.replaceAll(plan.secret, "TOKEN");
  write(shown.trimEnd());
  warn(`For ${path}`);
  for (const note of plan.notes) warn(note);
  if (plan.secret !== undefined) warn("The token goes to the place of TOKEN.");
  return 0;
}

function isSecret(text: string, secret: string | undefined): boolean {
  return secret !== undefined && text.includes(secret);
}
