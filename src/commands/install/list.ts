// `msb-mcp list`: which MCP clients have an entry for this server, in which file and form.

import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { clientNames } from "../../config/commands.ts";
import { clients } from "./clients.ts";
import { entryIn } from "./document.ts";
import { described, entryName, isOurs } from "./entry.ts";
import { snapshot, textOf } from "./file.ts";
import type { Machine } from "./places.ts";
import { chosenFile, isUsersOwn, problemOf } from "./run.ts";

export type ListOptions = {
  readonly machine: Machine;
  readonly isJson: boolean;
  /** Gets whole lines. */
  readonly write: (line: string) => void;
};

type State = "installed" | "another server" | "not installed" | "no file" | "not found" | "unreadable";

type Row = {
  readonly client: string;
  readonly title: string;
  readonly scope: "user" | "project";
  readonly file: string;
  /** Where a project's file in this folder would be this one. */
  readonly isProjectFile?: boolean;
  readonly state: State;
  /** The form of the entry, or what is wrong. */
  readonly detail?: string;
};

/** Rows for every client's own file, and for those of a project in this folder. */
export async function list({ machine, isJson, write }: ListOptions): Promise<0> {
  const rows = (
    await Promise.all(clientNames.flatMap((name) => [row(name, machine, false), row(name, machine, true)]))
  ).filter((it) => it !== undefined);
  if (isJson) {
    write(JSON.stringify({ entry: entryName, clients: rows }, null, 2));
    return 0;
  }
  const cells = rows.map(({ client, scope, state, detail, file }) => [
    scope === "project" ? `${client} (project)` : client,
    detail === undefined ? state : `${state}: ${detail}`,
    file,
  ]);
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const [client = "", state = "", file = ""] of cells) {
    write(`${client.padEnd(widths[0] ?? 0)}  ${state.padEnd(widths[1] ?? 0)}  ${file}`);
  }
  const both = rows.filter(({ isProjectFile }) => isProjectFile).map(({ client }) => client);
  if (both.length > 0) write(`In this folder a project's file would be your own, listed once: ${both.join(", ")}.`);
  return 0;
}

/** Undefined for a project's file that is not there, or is the user's. */
async function row(name: (typeof clientNames)[number], machine: Machine, isProject: boolean): Promise<Row | undefined> {
  const chosen = await chosenFile({ machine, isProject }, name);
  if (!chosen.ok) return undefined;
  const client = clients[name];
  const file = chosen.path;
  const common = {
    client: name,
    title: client.title,
    scope: isProject ? "project" : "user",
    file,
    ...(!isProject && (await isUsersOwn(machine, name)) && { isProjectFile: true }),
  } as const;
  try {
    const it = await snapshot(file);
    if (it.bytes === undefined) {
      if (isProject) return undefined;
      // The folder of its own settings is there once a client has run; the home folder says nothing.
      const isFound = dirname(file) !== machine.homeDir && (await isThere(dirname(file)));
      return { ...common, state: isFound ? "no file" : "not found" };
    }
    const entry = entryIn(textOf(it), client);
    if (entry === undefined) return { ...common, state: "not installed" };
    return { ...common, state: isOurs(entry, client) ? "installed" : "another server", detail: described(entry) };
  } catch (error) {
    const detail = problemOf(error);
    if (detail === undefined) throw error;
    return { ...common, state: "unreadable", detail };
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
