// The executable that starts every program of a guest: joins the sandbox's control groups, enters its namespaces from outside, waits
// there, and inside gives up all rights, puts the filter of system calls on, and becomes the program.

import { type Architecture, thisArchitecture } from "../filter/architectures.ts";
import { filterBytes } from "../filter/filter.ts";
import { instructionBytes } from "../filter/program.ts";
import { guestHome } from "../layout.ts";
import { openFilesPerProcess, outOfMemoryScore } from "../sizes.ts";
import { arm64 } from "./arm64.ts";
import { assembleLauncher, type Data, type Step } from "./assemble.ts";
import { x64 } from "./x64.ts";

/** How many control groups there are to join at most: of version 1, one for each controller. */
export const joinCount = 3;

/** The namespaces that are entered, in this order: with the owner come the rights to enter the others. */
export const enteredNamespaces = ["owner", "cgroup", "ipc", "uts", "net", "pid", "mnt"] as const;

export type EnteredNamespace = (typeof enteredNamespaces)[number];

/** CLONE_NEW* of setns(2). */
const namespaceTypes: Readonly<Record<EnteredNamespace, number>> = {
  ...{ owner: 0x10000000, cgroup: 0x02000000, ipc: 0x08000000, uts: 0x04000000 },
  ...{ net: 0x40000000, pid: 0x20000000, mnt: 0x00020000 },
};

export const launcherCalls = {
  x64: {
    ...{ write: 1, close: 3, rt_sigaction: 13, execve: 59, chdir: 80, setsid: 112, setgroups: 116, prctl: 157 },
    ...{ openat: 257, prlimit64: 302, setns: 308, seccomp: 317 },
  },
  arm64: {
    ...{ write: 64, close: 57, rt_sigaction: 134, execve: 221, chdir: 49, setsid: 157, setgroups: 159, prctl: 167 },
    ...{ openat: 56, prlimit64: 261, setns: 268, seccomp: 277 },
  },
} as const;

const encoders = { x64, arm64 };

const currentFolder = -100; // AT_FDCWD
const [readOnly, writeOnly, closeOnExec] = [0, 1, 0o2000000];
const [coreLimit, openFilesLimit] = [4, 7]; // RLIMIT_CORE, RLIMIT_NOFILE
const [setName, setNoNewPrivileges] = [15, 38]; // PR_SET_NAME, PR_SET_NO_NEW_PRIVS
const setFilter = 1; // SECCOMP_SET_MODE_FILTER
/** SECCOMP_FILTER_FLAG_SPEC_ALLOW: kernels before 5.16 slow filtered processes down else, for a guard within one process. */
const allowSpeculation = 4;
const childEnds = 17; // SIGCHLD

/** As `ps` shows what waits outside, 15 letters at most. */
const processName = "msb-mcp-guest";

export type Launcher = {
  readonly architecture?: Architecture;
  /** Root can leave its groups behind; nobody else can. */
  readonly isRoot: boolean;
};

/**
 * Its command line: itself, `joinCount` files that take a process into a control group (or /dev/null), a path for each of
 * `enteredNamespaces`, the program's environment, "", the program and its arguments.
 */
export function launcherBytes({ architecture = thisArchitecture(), isRoot }: Launcher): Uint8Array {
  const number = launcherCalls[architecture];
  const firstNamespace = 1 + joinCount;
  const step = (call: number, values: Extract<Step, { call: number }>["with"], failure: string | null): Step => ({
    ...{ call, with: values, failure },
  });
  /** For one file at a time, so that one slot is enough. */
  const fileSlot = enteredNamespaces.length;
  const open = (
    file: Extract<Step, { call: number }>["with"][number],
    flags: number,
    saveAs: number,
    failure: string,
  ) => ({
    ...step(number.openat, [currentFolder, file, flags | closeOnExec], failure),
    saveAs,
  });
  const close = (slot: number) => step(number.close, [{ slot }], null);
  const write = (file: Extract<Step, { call: number }>["with"][number], words: string, failure: string) => [
    open(file, writeOnly, fileSlot, failure),
    step(number.write, [{ slot: fileSlot }, bytes(words), words.length], failure),
    close(fileSlot),
  ];
  const limit = (resource: number, value: number, failure: string | null) =>
    step(number.prlimit64, [0, resource, bytes64([value, value]), 0], failure);

  const steps: readonly Step[] = [
    step(number.prctl, [setName, text(processName)], null),
    // A parent that ignores its children's ends would leave that to us, and then there is nothing to wait for.
    step(number.rt_sigaction, [childEnds, bytes64([0, 0, 0, 0]), 0, 8], "the signal of a child's end cannot be had"),
    ...range(joinCount).flatMap((index) =>
      write({ argument: 1 + index }, "0", "the sandbox's control group cannot be joined"),
    ),
    ...write(text("/proc/self/oom_score_adj"), `${outOfMemoryScore}`, "the score for memory pressure cannot be set"),
    limit(coreLimit, 0, "core files cannot be switched off"),
    limit(openFilesLimit, openFilesPerProcess, null),
    ...(isRoot ? [step(number.setgroups, [0, 0], "the server's groups cannot be left")] : []),
    ...enteredNamespaces.map((name, index) =>
      open({ argument: firstNamespace + index }, readOnly, index, `the sandbox's namespace ${name} cannot be opened`),
    ),
    ...enteredNamespaces.map((name, index) =>
      step(number.setns, [{ slot: index }, namespaceTypes[name]], `the sandbox's namespace ${name} cannot be entered`),
    ),
    ...enteredNamespaces.map((_, index) => close(index)),
    { fork: true, failure: "no process can be had in the sandbox" },
    // A session of its own on the inside, or `kill 0` there would hit the process that waits outside.
    step(number.setsid, [], "a session cannot be made"),
    step(number.chdir, [text(guestHome)], `${guestHome} cannot be entered`),
    open(text("/proc/1/ns/user"), readOnly, fileSlot, "the guest's user namespace cannot be opened"),
    step(number.setns, [{ slot: fileSlot }, namespaceTypes.owner], "the guest's user namespace cannot be entered"),
    step(number.prctl, [setNoNewPrivileges, 1, 0, 0, 0], "new privileges cannot be ruled out"),
    step(
      number.seccomp,
      [setFilter, allowSpeculation, filter(architecture)],
      "the filter of system calls cannot be set",
    ),
    step(
      number.execve,
      [{ program: "path" }, { program: "arguments" }, { program: "environment" }],
      "the program cannot be started",
    ),
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

function text(value: string): { readonly data: Data } {
  return bytes(`${value}\0`);
}

function bytes(value: string): { readonly data: Data } {
  return { data: { bytes: new TextEncoder().encode(value) } };
}

function bytes64(values: readonly number[]): { readonly data: Data } {
  return { data: { bytes: new Uint8Array(BigUint64Array.from(values, BigInt).buffer) } };
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
