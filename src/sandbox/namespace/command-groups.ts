// A control group for each command beneath that of its sandbox, whose limits hold for all of them. It says whose a process is, and nothing else.

import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { refusalsFile, refusedIn } from "./refused-forks.ts";

export type CommandGroup = {
  readonly folder: string;
  /** As `LimitGroup.joinFiles`. */
  readonly joinFiles: readonly string[];
  pids(): readonly number[];
  /** As `LimitGroup.refusedForks`, of the command alone; 0 on version 2. */
  refusedForks(): number;
};

/** How many of those that are still in use are looked at again after each command. */
const looksEach = 4;

export class CommandGroups {
  readonly #folder: string;
  readonly #joinFile: string;
  readonly #joinFiles: readonly string[];
  readonly #open = new Set<CommandGroup>();
  /** Of commands that are over and have left something running: at most as many as the sandbox has processes, and those that have emptied since. */
  readonly #left = new Set<CommandGroup>();
  /** An empty one, for the next command: making one takes time. */
  #spare: CommandGroup | null = null;
  #made = 0;

  /** `joinFile` is which of the sandbox's `joinFiles` is a file of `folder`. */
  constructor(folder: string, joinFile: string, joinFiles: readonly string[]) {
    this.#folder = folder;
    this.#joinFile = joinFile;
    this.#joinFiles = joinFiles;
  }

  /** Throws a file system's error if it cannot be made. */
  open(): CommandGroup {
    const group = this.#spare ?? this.#make();
    this.#spare = null;
    this.#open.add(group);
    return group;
  }

  close(group: CommandGroup): void {
    this.#open.delete(group);
    this.#left.add(group);
    // Not in the way of the command's answer.
    setImmediate(() => this.#tidy(group));
  }

  /** The members of all commands, those that are over included. */
  pids(): readonly number[] {
    return [...this.#open, ...this.#left].flatMap((group) => group.pids());
  }

  /** The members of the sandbox's group that are no command's. */
  pidsOfNone(): readonly number[] {
    return membersOf(this.#folder);
  }

  #make(): CommandGroup {
    this.#made += 1;
    const folder = join(this.#folder, `command-${this.#made}`);
    mkdirSync(folder);
    const own = join(folder, this.#joinFile);
    const instead = join(this.#folder, this.#joinFile);
    const joinFiles = this.#joinFiles.map((file) => (file === instead ? own : file));
    const refusedForks = () => refusedIn(tryRead(join(folder, refusalsFile)));
    return { folder, joinFiles, pids: () => membersOf(folder), refusedForks };
  }

  #tidy(last: CommandGroup): void {
    const [...oldest] = this.#left;
    for (const group of [last, ...oldest.slice(0, looksEach)]) {
      if (!this.#left.delete(group)) continue;
      if (group.pids().length > 0) this.#left.add(group);
      // The next command would be told what this one was refused.
      else if (this.#spare === null && group.refusedForks() === 0) this.#spare = group;
      else if (!tryRemove(group.folder)) this.#left.add(group);
    }
  }
}

function membersOf(folder: string): readonly number[] {
  return tryRead(join(folder, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The kernel lets go of a group a moment after its last process. */
function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}
