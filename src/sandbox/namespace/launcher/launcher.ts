// The executable that starts every program of a guest: joins the sandbox's control groups, enters its namespaces from outside, waits
// there, and inside gives up all rights, puts the filter of system calls on, and becomes the program.

import { type Architecture, thisArchitecture } from "../filter/architectures.ts";
import { filterBytes } from "../filter/filter.ts";
import { instructionBytes } from "../filter/program.ts";
import { guestHome } from "../layout.ts";
import { outOfMemoryScore } from "../sizes.ts";
import { assembleLauncher, type Data, notJoined, type Step } from "./assemble.ts";
import { encoders, joinCount, stepsFor, text } from "./steps.ts";

/** The namespaces that are entered, in this order: with the owner come the rights to enter the others. */
export const enteredNamespaces = ["owner", "cgroup", "ipc", "uts", "net", "pid", "mnt"] as const;

export type EnteredNamespace = (typeof enteredNamespaces)[number];

/** CLONE_NEW* of setns(2). */
export const namespaceTypes: Readonly<Record<EnteredNamespace, number>> = {
  ...{ owner: 0x10000000, cgroup: 0x02000000, ipc: 0x08000000, uts: 0x04000000 },
  ...{ net: 0x40000000, pid: 0x20000000, mnt: 0x00020000 },
};

const [setName, setNoNewPrivileges] = [15, 38]; // PR_SET_NAME, PR_SET_NO_NEW_PRIVS
const setFilter = 1; // SECCOMP_SET_MODE_FILTER
/** SECCOMP_FILTER_FLAG_SPEC_ALLOW: kernels before 5.16 slow filtered processes down else, for a guard within one process. */
const allowSpeculation = 4;

/** As `ps` shows what waits outside, 15 letters at most. */
const processName = "msb-mcp-guest";

const noProcess = "no process can be had in the sandbox: it has as many as it may have, or the machine has";

export type Launcher = {
  readonly architecture?: Architecture;
  /** Root can leave its groups behind; nobody else can. */
  readonly isRoot: boolean;
};

/**
 * Its command line: itself, `joinCount` files that take a process into a control group (or /dev/null), the folder of one that the program is born
 * into and its cgroup.procs (or /dev/null), a path for each of `enteredNamespaces`, the program's environment, "", the program and its arguments.
 */
export function launcherBytes({ architecture = thisArchitecture(), isRoot }: Launcher): Uint8Array {
  const firstBirth = 1 + joinCount;
  const firstNamespace = firstBirth + 2;
  const fileSlot = enteredNamespaces.length;
  const folder = fileSlot + 1;
  const members = fileSlot + 2;
  const { step, open, openToWrite, close, write, underLimits, becomeProgram } = stepsFor(architecture, fileSlot);
  const enter = (name: EnteredNamespace) =>
    step(
      "setns",
      [{ slot: enteredNamespaces.indexOf(name) }, namespaceTypes[name]],
      `the sandbox's namespace ${name} cannot be entered`,
    );
  const steps: readonly Step[] = [
    step("prctl", [setName, text(processName)], null),
    ...underLimits,
    ...write(text("/proc/self/oom_score_adj"), `${outOfMemoryScore}`, "the score for memory pressure cannot be set"),
    ...(isRoot ? [step("setgroups", [0, 0], "the server's groups cannot be left")] : []),
    ...enteredNamespaces.map((name, index) =>
      open({ argument: firstNamespace + index }, index, `the sandbox's namespace ${name} cannot be opened`),
    ),
    open({ argument: firstBirth }, folder, notJoined),
    openToWrite({ argument: firstBirth + 1 }, members, notJoined),
    ...enteredNamespaces.filter((name) => name !== "cgroup").map(enter),
    { fork: { folder, members }, failure: noProcess },
    // Where namespaces of control groups bound what may be moved, nobody can be born from an outer group into one of an inner namespace.
    enter("cgroup"),
    ...[...enteredNamespaces.keys(), folder, members].map(close),
    // A session of its own on the inside, or `kill 0` there would hit the process that waits outside.
    step("setsid", [], "a session cannot be made"),
    step("chdir", [text(guestHome)], `${guestHome} cannot be entered`),
    open(text("/proc/1/ns/user"), fileSlot, "the guest's user namespace cannot be opened"),
    step("setns", [{ slot: fileSlot }, namespaceTypes.owner], "the guest's user namespace cannot be entered"),
    step("prctl", [setNoNewPrivileges, 1, 0, 0, 0], "new privileges cannot be ruled out"),
    step("seccomp", [setFilter, allowSpeculation, filter(architecture)], "the filter of system calls cannot be set"),
    becomeProgram,
  ];
  return assembleLauncher(encoders[architecture], steps, firstNamespace + enteredNamespaces.length);
}

/** struct sock_fprog: the number of instructions, and where they are. */
function filter(architecture: Architecture): { readonly data: Data } {
  const instructions = filterBytes(architecture);
  const whole = new Uint8Array(16);
  new DataView(whole.buffer).setUint16(0, instructions.length / instructionBytes, true);
  return { data: { bytes: whole, pointer: { at: 8, to: instructions } } };
}
