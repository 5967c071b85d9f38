// The command lines that start programs: bubblewrap for a sandbox, and everything after it inside. What a caller wrote is always
// one argument of its own behind "--", never part of a script that the host's shell reads.

import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { guestHome } from "./layout.ts";
import { openFilesPerProcess, outOfMemoryScore } from "./sizes.ts";
import type { Tools } from "./tools.ts";

/** Puts the process under the sandbox's limits, then becomes the program: `join FILE… -- program…`. */
const join = `
while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done
shift
ulimit -c 0
ulimit -n ${openFilesPerProcess} 2>/dev/null
exec "$@"`;

/** The same for what the guest may do: under memory pressure it goes first. */
const joinAsGuest = `echo ${outOfMemoryScore} >/proc/self/oom_score_adj${join}`;

/** Becomes a program whose folder ($1) is read-only for it, in the mount namespace that this shell has for itself. */
const readOnlyFolder = `
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 125
shift
exec "$@"`;

/** Namespaces of a sandbox as descriptors that the server holds: unlike process ids, they cannot come to mean another. */
export type NamespaceDescriptors = {
  /** The user namespace that owns the others; the guests live in a child of it, which is that of the sandbox's init. */
  readonly owner: number;
  /** By nsenter's option: mount, pid, net, ipc, uts, cgroup. */
  readonly others: Readonly<Record<string, number>>;
};

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
  readonly joinFiles: readonly string[];
  /** For machines where no control group counts processes: a limit for each user namespace (Linux 5.14 on). */
  readonly processLimit: number | null;
  readonly namespaces: NamespaceDescriptors;
  readonly env: Readonly<Record<string, string>>;
  readonly program: readonly string[];
}): string[] {
  const { tools, self, joinFiles, processLimit, namespaces, env, program } = options;
  const path = (descriptor: number) => `/proc/${self.pid}/fd/${descriptor}`;
  return [
    ...[tools.sh, "-c", joinAsGuest, "sh", ...joinFiles, "--"],
    ...(processLimit === null ? [] : [tools.prlimit, `--nproc=${processLimit}`, "--"]),
    ...[tools.nsenter, `--user=${path(namespaces.owner)}`],
    ...Object.entries(namespaces.others).map(([name, descriptor]) => `--${name}=${path(descriptor)}`),
    // Root can leave its groups behind; nobody else can.
    ...(self.isRoot ? [] : ["--preserve-credentials"]),
    // A session of its own on the inside, or `kill 0` there would hit the nsenter that waits outside.
    ...["--", tools.setsid],
    ...[tools.nsenter, "--user=/proc/1/ns/user", "--preserve-credentials", `--wd=${guestHome}`, "--"],
    ...[tools.setpriv, "--no-new-privs", "--"],
    ...[tools.env, "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...program],
  ];
}
