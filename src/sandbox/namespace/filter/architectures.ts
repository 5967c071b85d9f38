// The two architectures that the program is built for, as a filter of system calls must know them.

import { arch } from "node:os";

export type Architecture = "x64" | "arm64";

export type CallNumbers = {
  /** AUDIT_ARCH_* of linux/audit.h; another value means another ABI, such as i386's. */
  readonly audit: number;
  /** Unused numbers, both ends included: a later kernel may give them to calls that nobody has judged. */
  readonly unused: readonly (readonly [number, number])[];
};

/** The last call that the table has been held against, file_setattr of Linux 6.17; x32's numbers are above it, too. */
export const newestCall = 469;

export const callNumbers: Readonly<Record<Architecture, CallNumbers>> = {
  x64: { audit: 0xc000003e, unused: [[337, 423]] },
  arm64: {
    audit: 0xc00000b7,
    unused: [
      [244, 259],
      [295, 423],
    ],
  },
};

/** Of this machine. Throws a plain Error on another. */
export function thisArchitecture(): Architecture {
  const name = arch();
  if (name === "x64" || name === "arm64") return name;
  throw new Error(`there is no filter of system calls for ${name} machines, only for x64 and arm64`);
}
