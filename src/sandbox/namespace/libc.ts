// The calls of the C library that the runtime has no way to make: real pipes, files without a name, the parent of a user
// namespace, signals to processes that are not our children, the end of children that we have not started, descriptors that another process hands
// over, and the clock that processes are dated by. Nothing else of ours is native.

import { dlopen, ptr } from "bun:ffi";
import { closeSync, constants, openSync, writeSync } from "node:fs";

export type Libc = {
  /** Both ends close on exec; only the guest's blocks. */
  readonly pipe: (guest: "writes" | "reads") => { readonly readEnd: number; readonly writeEnd: number };
  /** A read-only descriptor of a file in memory with this content, which closes on exec and with which the file goes. */
  readonly memoryFile: (content: Uint8Array) => number;
  /** The same for an executable, which nobody can change any more. */
  readonly memoryProgram: (content: Uint8Array) => number;
  /** A descriptor of the parent of the user namespace behind `descriptor`. */
  readonly parentNamespace: (descriptor: number) => number;
  /** Two ends of a socket that a descriptor can be sent through. */
  readonly socketPair: () => readonly [number, number];
  /** The descriptor that has been sent to this end, which closes on exec; undefined if none has. */
  readonly receivedDescriptor: (socket: number) => number | undefined;
  /** Another descriptor of the same, which closes on exec. */
  readonly duplicate: (descriptor: number) => number;
  /** False if there is no such process, or it is not ours to signal. */
  readonly kill: (pid: number, signal: number) => boolean;
  /** Takes note of the end of a child, so that nothing is left of it. Without effect on one that has not ended. */
  readonly reap: (pid: number) => void;
  /** By the clock of the start times in /proc/PID/stat, and in their unit. */
  readonly ticksSinceBoot: () => number;
};

export const signals = { interrupt: 2, kill: 9, terminate: 15, resume: 18, stop: 19 } as const;

/** O_CLOEXEC of pipe2(2) on x86-64 and arm64. */
const closeOnExec = 0o2000000;
/** MFD_CLOEXEC, MFD_ALLOW_SEALING and MFD_EXEC of memfd_create(2); the last is known from Linux 6.3 on. */
const memory = { closeOnExec: 1, mayBeSealed: 2, executable: 16 } as const;
/** F_ADD_SEALS of fcntl(2), with the seals against further seals, shrinking, growing and writing. */
const [addSeals, allSeals] = [1033, 15];
/** F_DUPFD_CLOEXEC of fcntl(2). */
const duplicateCloseOnExec = 1030;
/** AF_UNIX, and SOCK_DGRAM with SOCK_CLOEXEC, of socketpair(2). */
const [unix, datagrams] = [1, 2 | closeOnExec];
/** MSG_DONTWAIT and MSG_CMSG_CLOEXEC of recvmsg(2). */
const atOnce = 0x40 | 0x40000000;
/** WNOHANG of waitpid(2). */
const withoutWaiting = 1;
/** Of a struct cmsghdr with one descriptor: its length, and where that is. */
const [controlBytes, descriptorAt] = [20, 16];
/** NS_GET_PARENT, ioctl_ns(2). */
const nsGetParent = 0xb702;
/** CLOCK_BOOTTIME, clock_gettime(2). */
const bootTime = 7;
/** USER_HZ, which is 100 on x86-64 and arm64. */
const ticksPerSecond = 100;
const nanosecondsPerTick = 1e9 / ticksPerSecond;

/** glibc, then musl by its usual names. */
const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/** Files in memory bear the name that is given. Throws a plain Error if no C library can be opened. */
export function openLibc(memoryFileLabel = "msb-mcp"): Libc {
  const memoryFileName = new TextEncoder().encode(`${memoryFileLabel}\0`);
  const { symbols } = openFirst();
  const create = (flags: number) => symbols.memfd_create(ptr(memoryFileName), flags);
  const filled = (descriptor: number, content: Uint8Array): number => {
    if (descriptor < 0) throw new Error("no file in memory can be made: out of descriptors?");
    for (let at = 0; at < content.length; ) at += writeSync(descriptor, content, at);
    return descriptor;
  };
  const time = new BigInt64Array(2);
  return {
    pipe: (guest) => {
      const ends = new Int32Array(2);
      if (symbols.pipe2(ptr(ends), closeOnExec) !== 0) throw new Error("no pipe can be made: out of descriptors?");
      const [readEnd = -1, writeEnd = -1] = ends;
      if (guest === "reads")
        return { readEnd, writeEnd: reopened(writeEnd, constants.O_WRONLY | constants.O_NONBLOCK) };
      return { readEnd: reopened(readEnd, constants.O_RDONLY | constants.O_NONBLOCK), writeEnd };
    },
    memoryFile: (content) => reopened(filled(create(memory.closeOnExec), content), constants.O_RDONLY),
    memoryProgram: (content) => {
      const sealable = memory.closeOnExec | memory.mayBeSealed;
      const current = create(sealable | memory.executable);
      const descriptor = filled(current < 0 ? create(sealable) : current, content);
      if (symbols.fcntl(descriptor, addSeals, allSeals) !== 0) throw new Error("a file in memory cannot be sealed");
      return reopened(descriptor, constants.O_RDONLY);
    },
    parentNamespace: (descriptor) => {
      const parent = symbols.ioctl(descriptor, nsGetParent, 0);
      if (parent < 0) throw new Error("the parent of the sandbox's user namespace cannot be opened");
      return parent;
    },
    socketPair: () => {
      const ends = new Int32Array(2);
      if (symbols.socketpair(unix, datagrams, 0, ptr(ends)) !== 0) throw new Error("no sockets can be made");
      const [first = -1, second = -1] = ends;
      return [first, second];
    },
    receivedDescriptor: (socket) => {
      const view = new DataView(new ArrayBuffer(24));
      const control = new Uint8Array(view.buffer);
      // struct msghdr.
      const message = new BigUint64Array(7);
      message[4] = BigInt(ptr(control));
      message[5] = BigInt(control.length);
      const isThere =
        Number(symbols.recvmsg(socket, ptr(message), atOnce)) >= 0 && view.getUint32(0, true) === controlBytes;
      return isThere ? view.getInt32(descriptorAt, true) : undefined;
    },
    duplicate: (descriptor) => {
      const copy = symbols.fcntl(descriptor, duplicateCloseOnExec, 3);
      if (copy < 0) throw new Error("no descriptor is left");
      return copy;
    },
    // 0 and negative numbers would mean whole process groups.
    kill: (pid, signal) => pid > 0 && symbols.kill(pid, signal) === 0,
    reap: (pid) => {
      // 0 and negative numbers would mean any child.
      if (pid > 0) symbols.waitpid(pid, null, withoutWaiting);
    },
    ticksSinceBoot: () => {
      symbols.clock_gettime(bootTime, ptr(time));
      const [seconds = 0n, nanoseconds = 0n] = time;
      return Number(seconds) * ticksPerSecond + Math.floor(Number(nanoseconds) / nanosecondsPerTick);
    },
  };
}

/** Opened anew, for a file description with a mode, flags and a position of its own. */
function reopened(descriptor: number, flags: number): number {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } finally {
    closeSync(descriptor);
  }
}

function openFirst() {
  for (const library of libraries) {
    try {
      return openLibrary(library);
    } catch {
      // The next name may be the one of this system.
    }
  }
  throw new Error(`none of ${libraries.join(", ")} can be opened`);
}

function openLibrary(name: string) {
  return dlopen(name, {
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    ioctl: { args: ["i32", "u64", "u64"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
    kill: { args: ["i32", "i32"], returns: "i32" },
    waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
    clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  });
}
