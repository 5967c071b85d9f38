// What install, uninstall and list have in common: which file is meant, and what becomes of errors.

import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ClientName } from "../../config/commands.ts";
import { clients } from "./clients.ts";
import { joined, type Machine } from "./places.ts";
import { UnusableText } from "./text.ts";

export type Writers = {
  /** Get whole lines, for people: to the standard output, and to the standard error. */
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
};

/** How often a change is tried where another program keeps changing the file. */
export const roundLimit = 3;

export type Chosen = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly problem: string };

/** The first of the client's files that exists, or else the first. */
export async function chosenFile(
  { machine, isProject }: { readonly machine: Machine; readonly isProject: boolean },
  name: ClientName,
): Promise<Chosen> {
  const { title, userFiles, projectFiles } = clients[name];
  if (!isProject) return { ok: true, path: await firstThere(userFiles(machine)) };
  if (projectFiles === undefined) {
    return { ok: false, problem: `${title} has no configuration file of a project; leave --project out` };
  }
  const [first, ...more] = projectFiles;
  const inProject = (file: string) => joined(machine, machine.cwd, file);
  const path = await firstThere([inProject(first), ...more.map(inProject)]);
  if (await isUsersOwn(machine, name)) {
    return {
      ok: false,
      problem: `in this folder a project's file of ${title} would be your own, ${path}; leave --project out, or run this in the project's folder`,
    };
  }
  return { ok: true, path };
}

/** Whether the project's file in this folder is the user's: in the home folder, for most clients. */
export async function isUsersOwn(machine: Machine, name: ClientName): Promise<boolean> {
  const { userFiles, projectFiles } = clients[name];
  const places = (files: readonly string[]) => Promise.all(files.map(truePath));
  const own = await places(userFiles(machine));
  const ofProject = await places((projectFiles ?? []).map((file) => joined(machine, machine.cwd, file)));
  return ofProject.some((path) => own.includes(path));
}

/** Links followed, as far as there is something. */
async function truePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await truePath(parent), basename(path));
  }
}

async function firstThere(paths: readonly [string, ...string[]]): Promise<string> {
  for (const path of paths) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return paths[0];
}

/** Runs a change; undefined of it is a file that another program changed each time. */
export async function guarded(
  { client, warn }: Pick<Writers, "warn"> & { readonly client: ClientName },
  path: string,
  run: () => Promise<0 | 1 | undefined>,
): Promise<0 | 1> {
  try {
    const status = await run();
    if (status !== undefined) return status;
    warn(`msb-mcp: ${path}: another program changed the file ${roundLimit} times meanwhile; nothing was changed`);
    warn("End the client, then run this again.");
  } catch (error) {
    const reason = problemOf(error);
    if (reason === undefined) throw error;
    warn(`msb-mcp: ${path}: ${reason}; nothing was changed`);
    if (error instanceof UnusableText)
      warn(`Put the file right, or change it by hand: msb-mcp install ${client} --print shows the entry.`);
  }
  return 1;
}

/** Undefined for a fault of this program. */
export function problemOf(error: unknown): string | undefined {
  if (error instanceof UnusableText) return error.message;
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return `it cannot be read or written: ${error.message}`;
  }
  return undefined;
}
