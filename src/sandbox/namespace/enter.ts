// The command lines that start programs, by a launcher each: bubblewrap for a sandbox, and everything after it inside. What a caller
// wrote is always one argument of its own; no shell of the host's reads anything.

import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { enteredNamespaces } from "./launcher/launcher.ts";
import { joinCount } from "./launcher/steps.ts";
import { guestPath, type Tools } from "./tools.ts";

/** Namespaces of a sandbox as descriptors that the server holds: unlike process ids, they cannot come to mean another. */
export type NamespaceDescriptors = {
  /** The user namespace that owns the others; the guests live in a child of it, which is that of the sandbox's init. */
  readonly owner: number;
  /** /proc/PID/ns of the sandbox's init. */
  readonly folder: number;
};

export type Self = {
  readonly pid: number;
  readonly isRoot: boolean;
};

export function bootCommand(options: {
  readonly tools: Tools;
  readonly self: Self;
  /** A descriptor of the server's. */
  readonly launcher: number;
  /** At most `joinCount`. */
  readonly joinFiles: readonly string[];
  /** What bubblewrap inherits its arguments and its reporting channel as. */
  readonly descriptors: { readonly args: number; readonly info: number };
  readonly program: readonly string[];
}): string[] {
  const { tools, self, launcher, joinFiles, descriptors, program } = options;
  const bwrap = realpathSync(tools.bwrap);
  return [
    ...[pathOf(self, launcher), ...joinsOf(joinFiles), dirname(bwrap), `PATH=${guestPath}`, ""],
    ...[bwrap, "--args", `${descriptors.args}`, "--info-fd", `${descriptors.info}`, "--", ...program],
  ];
}

export function enterCommand(options: {
  readonly tools: Tools;
  readonly self: Self;
  /** A descriptor of the server's. */
  readonly launcher: number;
  /** At most `joinCount`. */
  readonly joinFiles: readonly string[];
  /** For machines where no control group counts processes: a limit for each user namespace (Linux 5.14 on). */
  readonly processLimit: number | null;
  /** As `Membership.markUs`. */
  readonly markUs: number | null;
  readonly namespaces: NamespaceDescriptors;
  readonly env: Readonly<Record<string, string>>;
  readonly program: readonly string[];
}): string[] {
  const { tools, self, launcher, joinFiles, processLimit, markUs, namespaces, env, program } = options;
  const limits = [
    ...(processLimit === null ? [] : [`--nproc=${processLimit}`]),
    ...(markUs === null ? [] : [`--rttime=${markUs}:unlimited`]),
  ];
  // Of version 2, where a process can be born into its group, and waits for nobody as it would on a move.
  const members = joinFiles.find((file) => basename(file) === "cgroup.procs");
  return [
    ...(limits.length === 0 ? [] : [tools.prlimit, ...limits, "--"]),
    ...[pathOf(self, launcher), ...joinsOf(joinFiles.filter((file) => file !== members))],
    ...(members === undefined ? ["/dev/null", "/dev/null"] : [dirname(members), members]),
    ...enteredNamespaces.map((name) =>
      name === "owner" ? pathOf(self, namespaces.owner) : `${pathOf(self, namespaces.folder)}/${name}`,
    ),
    ...[...Object.entries(env).map(([name, value]) => `${name}=${value}`), "", ...program],
  ];
}

/** Of a descriptor of the server's, for other processes. */
export function pathOf(self: Self, descriptor: number): string {
  return `/proc/${self.pid}/fd/${descriptor}`;
}

function joinsOf(joinFiles: readonly string[]): readonly string[] {
  return Array.from({ length: joinCount }, (_, index) => joinFiles[index] ?? "/dev/null");
}
