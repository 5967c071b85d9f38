// The command lines that start programs: bubblewrap for a sandbox, and the launcher for everything after it inside. What a caller
// wrote is always one argument of its own, never part of a script that the host's shell reads.

import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { type EnteredNamespace, enteredNamespaces, joinCount } from "./launcher/launcher.ts";
import { openFilesPerProcess } from "./sizes.ts";
import type { Tools } from "./tools.ts";

/** Puts the process under the sandbox's limits, then becomes the program: `join FILE… -- program…`. */
const join = `
while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done
shift
ulimit -c 0
ulimit -n ${openFilesPerProcess} 2>/dev/null
exec "$@"`;

/** Becomes a program whose folder ($1) is read-only for it, in the mount namespace that this shell has for itself. */
const readOnlyFolder = `
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 125
shift
exec "$@"`;

/**
 * Namespaces of a sandbox as descriptors that the server holds: unlike process ids, they cannot come to mean another. `owner` is the
 * user namespace that owns the others; the guests live in a child of it, which is that of the sandbox's init.
 */
export type NamespaceDescriptors = Readonly<Record<EnteredNamespace, number>>;

export type Self = {
  readonly pid: number;
  readonly isRoot: boolean;
};

export function bootCommand(options: {
  readonly tools: Tools;
  readonly self: Self;
  readonly joinFiles: readonly string[];
  /** What bubblewrap inherits its arguments and its reporting channel as. */
  readonly descriptors: { readonly args: number; readonly info: number };
  readonly program: readonly string[];
}): string[] {
  const { tools, self, joinFiles, descriptors, program } = options;
  const bwrap = realpathSync(tools.bwrap);
  const command = [bwrap, "--args", `${descriptors.args}`, "--info-fd", `${descriptors.info}`, "--", ...program];
  // The guest sees bubblewrap as /proc/1/exe. Started by root it is the guest's own file there, and writing to it would change it
  // for the host (the way of CVE-2019-5736), were it not opened through a read-only mount.
  const guard = [tools.unshare, "--mount", "--propagation", "private", tools.sh, "-c", readOnlyFolder, "sh"];
  const guarded = self.isRoot ? [...guard, dirname(bwrap), ...command] : command;
  return [tools.sh, "-c", join, "sh", ...joinFiles, "--", ...guarded];
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
  readonly namespaces: NamespaceDescriptors;
  readonly env: Readonly<Record<string, string>>;
  readonly program: readonly string[];
}): string[] {
  const { tools, self, launcher, joinFiles, processLimit, namespaces, env, program } = options;
  const path = (descriptor: number) => `/proc/${self.pid}/fd/${descriptor}`;
  const joins = Array.from({ length: joinCount }, (_, index) => joinFiles[index] ?? "/dev/null");
  return [
    ...(processLimit === null ? [] : [tools.prlimit, `--nproc=${processLimit}`, "--"]),
    ...[path(launcher), ...joins, ...enteredNamespaces.map((name) => path(namespaces[name]))],
    ...[...Object.entries(env).map(([name, value]) => `${name}=${value}`), "", ...program],
  ];
}
