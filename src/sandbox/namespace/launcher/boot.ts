// The executable that starts bubblewrap: joins the sandbox's control groups, makes bubblewrap's folder read-only where it must be, and
// becomes bubblewrap.

import { type Architecture, thisArchitecture } from "../filter/architectures.ts";
import { assembleLauncher } from "./assemble.ts";
import { encoders, joinCount, stepsFor, text } from "./steps.ts";

const newMountNamespace = 0x20000; // CLONE_NEWNS
/** MS_* of mount(2). */
const [readOnly, remount, bind, recursive, isPrivate] = [1, 0x20, 0x1000, 0x4000, 0x40000];
const kept = {
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  nosymfollow: 0x100,
  noatime: 0x400,
  nodiratime: 0x800,
  relatime: 0x200000,
};

export type BootLauncher = {
  readonly architecture?: Architecture;
  /**
   * The guest sees bubblewrap as /proc/1/exe. Started by root it is the guest's own file there, and writing to it would change it for the host
   * (the way of CVE-2019-5736), were it not opened through a read-only mount.
   */
  readonly isRoot: boolean;
  /** As by mountFlags(). */
  readonly folderFlags: number;
};

/** Its command line: itself, `joinCount` files as of steps.ts, bubblewrap's folder, its environment, "", bubblewrap and its arguments. */
export function bootLauncherBytes({
  architecture = thisArchitecture(),
  isRoot,
  folderFlags,
}: BootLauncher): Uint8Array {
  const { step, underLimits, becomeProgram } = stepsFor(architecture, 0);
  const [nothing, root, folder] = [text("none"), text("/"), { argument: 1 + joinCount }];
  const guard = [
    step("unshare", [newMountNamespace], "bubblewrap cannot have a mount namespace"),
    step("mount", [nothing, root, 0, recursive | isPrivate, 0], "bubblewrap's mounts cannot be made private"),
    step("mount", [folder, folder, 0, bind, 0], "bubblewrap's folder cannot be mounted on itself"),
    step(
      "mount",
      [nothing, folder, 0, remount | bind | readOnly | folderFlags, 0],
      "bubblewrap's folder cannot be made read-only",
    ),
  ];
  const steps = [...underLimits, ...(isRoot ? guard : []), becomeProgram];
  return assembleLauncher(encoders[architecture], steps, 2 + joinCount);
}

/** The flags of the mount that a folder is on, which a new one of it must keep where whoever made them forbids less. `mountinfo` as in proc(5). */
export function mountFlags(mountinfo: string, folder: string): number {
  const mounts = mountinfo.split("\n").map((line) => {
    const [, , , , point = "", options = ""] = line.split(" ");
    return { point, options: options.split(",") };
  });
  const holds = (point: string) => point !== "" && `${folder}/`.startsWith(point === "/" ? "/" : `${point}/`);
  // Of several on one point the last is the one that is seen.
  const [mount] = mounts
    .filter(({ point }) => holds(point))
    .reverse()
    .sort((a, b) => b.point.length - a.point.length);
  return Object.entries(kept).reduce(
    (flags, [name, flag]) => (mount?.options.includes(name) ? flags | flag : flags),
    0,
  );
}
