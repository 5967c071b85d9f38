// What a processor must be able to say for a launcher (assemble.ts). Each function gives the bytes of a few instructions.
//
// The state between them: the stack pointer stays where the kernel put it, at the number of arguments; slots are below it, which
// is safe because a launcher handles no signals. Two registers hold the program's arguments and environment.

/** A value that a system call gets. */
export type Operand =
  | { readonly constant: number }
  /** What an earlier call has answered. */
  | { readonly slot: number }
  /** A string of the launcher's own command line, by its position there. */
  | { readonly argument: number }
  /** Of the program to start: its path, which is its first argument, all its arguments, and its environment. */
  | { readonly program: "path" | "arguments" | "environment" };

export type Encoder = {
  /** As in an ELF header: e_machine. */
  readonly machine: number;
  /** Splits the command line from this position on: the environment, an empty string, the program and its arguments. */
  readonly split: (firstArgument: number) => readonly number[];
  /** Sets the argument of the next call that has this position. */
  readonly load: (position: number, operand: Operand) => readonly number[];
  readonly call: (number: number) => readonly number[];
  readonly save: (slot: number) => readonly number[];
  /** Goes on unless the last call has failed; else writes the text to standard error and exits with the status. */
  readonly endOnFailure: (
    text: { readonly address: number; readonly length: number },
    status: number,
  ) => readonly number[];
  /**
   * Goes on in a new process, which is born into a control group. The old one waits for it and ends as it ends: with its exit status, or by its
   * signal. `failure` follows on a negative answer, as of endOnFailure().
   */
  readonly fork: (group: GroupSlots, failure: readonly number[], notJoined: readonly number[]) => readonly number[];
};

/** Where descriptors are of a control group of version 2, or of anything else if none is to be entered so. */
export type GroupSlots = {
  readonly folder: number;
  /** Its cgroup.procs, to be written to by a process that the kernel could not let be born there. */
  readonly members: number;
  /** Of the word that is written: that the writer is meant. */
  readonly self: { readonly address: number; readonly length: number };
};

/** struct clone_args of clone3(2) with its fields, Linux 5.7 on. Bytes. */
export const birth = { call: 435, size: 88, exitSignal: 32, group: 80, below: 256 } as const;
/** CLONE_INTO_CGROUP is this bit of the upper half of the flags. */
export const intoGroup = 2;
/** EAGAIN: the group may have no more processes. */
export const tooMany = -11;

/** SIGCHLD: what the kernel tells the old process at the end of the new one. */
export const childSignal = 17;

export function littleEndian(value: number, bytes: number): readonly number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor((value >>> 0) / 2 ** (8 * index)) & 0xff);
}
