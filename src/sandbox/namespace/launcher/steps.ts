// The steps that launchers share, for a processor: files that are written to, what puts a process under the sandbox's limits, the last step.

import type { Architecture } from "../filter/architectures.ts";
import { openFilesPerProcess } from "../sizes.ts";
import { arm64 } from "./arm64.ts";
import { type Data, notJoined, type Step } from "./assemble.ts";
import { x64 } from "./x64.ts";

/** How many control groups there are to join at most: of version 1, one for each controller. */
export const joinCount = 3;

export const encoders = { x64, arm64 };

export const launcherCalls = {
  x64: {
    ...{ write: 1, close: 3, rt_sigaction: 13, execve: 59, chdir: 80, setsid: 112, setgroups: 116, prctl: 157 },
    ...{ mount: 165, openat: 257, unshare: 272, prlimit64: 302, setns: 308, seccomp: 317 },
    ...{ socket: 41, sendmsg: 46, bind: 49, listen: 50, exit_group: 231, dup3: 292 },
  },
  arm64: {
    ...{ write: 64, close: 57, rt_sigaction: 134, execve: 221, chdir: 49, setsid: 157, setgroups: 159, prctl: 167 },
    ...{ mount: 40, openat: 56, unshare: 97, prlimit64: 261, setns: 268, seccomp: 277 },
    ...{ socket: 198, sendmsg: 211, bind: 200, listen: 201, exit_group: 94, dup3: 24 },
  },
} as const;

export type Value = Extract<Step, { call: number }>["with"][number];

const currentFolder = -100; // AT_FDCWD
const [readOnly, writeOnly, closeOnExec] = [0, 1, 0o2000000];
const [coreLimit, openFilesLimit] = [4, 7]; // RLIMIT_CORE, RLIMIT_NOFILE
const childEnds = 17; // SIGCHLD

/** `fileSlot` is where the descriptor of a file is kept that is open for a moment. */
export function stepsFor(architecture: Architecture, fileSlot: number) {
  const number = launcherCalls[architecture];
  const step = (call: keyof typeof number, values: readonly Value[], failure: string | null): Step => ({
    ...{ call: number[call], with: values, failure },
  });
  const open = (file: Value, saveAs: number, failure: string, flags = readOnly): Step => ({
    ...step("openat", [currentFolder, file, flags | closeOnExec], failure),
    saveAs,
  });
  const close = (slot: number) => step("close", [{ slot }], null);
  const write = (file: Value, words: string, failure: string) => [
    open(file, fileSlot, failure, writeOnly),
    step("write", [{ slot: fileSlot }, bytes(words), words.length], failure),
    close(fileSlot),
  ];
  const limit = (resource: number, value: number, failure: string | null) =>
    step("prlimit64", [0, resource, bytes64([value, value]), 0], failure);
  return {
    ...{
      step,
      open,
      openToWrite: (file: Value, saveAs: number, failure: string) => open(file, saveAs, failure, writeOnly),
    },
    ...{ close, write },
    /** Of the launcher's command line, the strings from 1 to `joinCount` are files that take a process into a control group, or /dev/null. */
    underLimits: [
      // A parent that ignores its children's ends would leave that to us, and then there is nothing to wait for.
      step("rt_sigaction", [childEnds, bytes64([0, 0, 0, 0]), 0, 8], "the signal of a child's end cannot be had"),
      ...Array.from({ length: joinCount }, (_, index) => write({ argument: 1 + index }, "0", notJoined)).flat(),
      limit(coreLimit, 0, "core files cannot be switched off"),
      limit(openFilesLimit, openFilesPerProcess, null),
    ],
    becomeProgram: step(
      "execve",
      [{ program: "path" }, { program: "arguments" }, { program: "environment" }],
      "the program cannot be started",
    ),
  };
}

export function text(value: string): { readonly data: Data } {
  return bytes(`${value}\0`);
}

function bytes(value: string): { readonly data: Data } {
  return { data: { bytes: new TextEncoder().encode(value) } };
}

function bytes64(values: readonly number[]): { readonly data: Data } {
  return { data: { bytes: new Uint8Array(BigUint64Array.from(values, BigInt).buffer) } };
}
