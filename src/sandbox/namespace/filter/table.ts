// The one table of the system calls that a guest is refused: numbers on both architectures, what the call answers, and why. Docs
// and tests are made from it. What is not in it is allowed, up to the newest call that the table knows (architectures.ts).

/** Errors by their numbers in errno(3). */
export const errorNumbers = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const;

export type ErrorName = keyof typeof errorNumbers;

/** Looks at the low 32 bits of an argument, which are all that the kernel takes of those in this table. */
export type Check = {
  readonly argument: number;
  /** The value must be one of these, must be none of them, or may have none of their bits. */
  readonly rule: "one of" | "none of" | "no bit of";
  readonly values: readonly number[];
  readonly answer: ErrorName;
  /** Only where another argument has this value. */
  readonly where?: { readonly argument: number; readonly value: number };
};

export type SystemCall = {
  readonly name: string;
  /** Null where the architecture does not have it. */
  readonly x64: number | null;
  readonly arm64: number | null;
};

export type Refusal = {
  /** For a reader who decides whether the filter is enough. */
  readonly what: string;
  readonly calls: readonly SystemCall[];
} & ({ readonly answer: ErrorName } | { readonly checks: readonly Check[] });

/** CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID and NET of clone(2). */
const newNamespaces = 0x7e020000;
/** CLONE_NEWTIME; in clone(2) the bit means a signal. */
const newTimeNamespace = 0x80;

const family = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
const netlinkRoute = 0;

/** PER_LINUX, PER_LINUX32, the same two with UNAME26, ADDR_NO_RANDOMIZE, and the question for the current one, personality(2). */
const harmlessPersonalities = [0, 8, 0x20000, 0x20008, 0x40000, 0xffffffff];

/** ioctl_tty(2): TIOCSTI and TIOCLINUX put words into a terminal's input. */
const terminalInput = [0x5412, 0x541c];

export const refusals: readonly Refusal[] = [
  {
    what: "Mounts, with the old and the new interface",
    answer: "EPERM",
    calls: [
      call("mount", 165, 40),
      call("umount2", 166, 39),
      call("pivot_root", 155, 41),
      call("chroot", 161, 51),
      call("open_tree", 428, 428),
      call("open_tree_attr", 467, 467),
      call("move_mount", 429, 429),
      call("fsopen", 430, 430),
      call("fsconfig", 431, 431),
      call("fsmount", 432, 432),
      call("fspick", 433, 433),
      call("mount_setattr", 442, 442),
    ],
  },
  {
    what: "Entering other namespaces",
    answer: "EPERM",
    calls: [call("setns", 308, 268)],
  },
  {
    what: "New namespaces: any `CLONE_NEW*` flag",
    checks: [{ argument: 0, rule: "no bit of", values: [newNamespaces], answer: "EPERM" }],
    calls: [call("clone", 56, 220)],
  },
  {
    what: "New namespaces: any `CLONE_NEW*` flag",
    checks: [{ argument: 0, rule: "no bit of", values: [newNamespaces | newTimeNamespace], answer: "EPERM" }],
    calls: [call("unshare", 272, 97)],
  },
  {
    what: "New processes with flags that no filter can see. C libraries then take `clone`",
    answer: "ENOSYS",
    calls: [call("clone3", 435, 435)],
  },
  {
    what: "Keyrings of the kernel",
    answer: "EPERM",
    calls: [call("add_key", 248, 217), call("request_key", 249, 218), call("keyctl", 250, 219)],
  },
  {
    what: "Programs in the kernel, and watching the system",
    answer: "EPERM",
    calls: [call("bpf", 321, 280), call("perf_event_open", 298, 241), call("fanotify_init", 300, 262)],
  },
  {
    what: "io_uring, whose operations no filter sees. Programs then use ordinary calls",
    answer: "EPERM",
    calls: [call("io_uring_setup", 425, 425), call("io_uring_enter", 426, 426), call("io_uring_register", 427, 427)],
  },
  {
    what: "Handling of page faults, and the placement of memory",
    answer: "EPERM",
    calls: [
      call("userfaultfd", 323, 282),
      call("process_madvise", 440, 440),
      call("move_pages", 279, 239),
      call("migrate_pages", 256, 238),
      call("mbind", 237, 235),
      call("get_mempolicy", 239, 236),
      call("set_mempolicy", 238, 237),
      call("set_mempolicy_home_node", 450, 450),
    ],
  },
  {
    what: "Files by handle, and objects of other processes",
    answer: "EPERM",
    calls: [call("open_by_handle_at", 304, 265), call("pidfd_getfd", 438, 438), call("kcmp", 312, 272)],
  },
  {
    what: "Kernels, modules and restarts",
    answer: "EPERM",
    calls: [
      call("kexec_load", 246, 104),
      call("kexec_file_load", 320, 294),
      call("init_module", 175, 105),
      call("finit_module", 313, 273),
      call("delete_module", 176, 106),
      call("reboot", 169, 142),
    ],
  },
  {
    what: "Settings of the whole machine",
    answer: "EPERM",
    calls: [
      call("clock_settime", 227, 112),
      call("settimeofday", 164, 170),
      call("sethostname", 170, 161),
      call("setdomainname", 171, 162),
      call("swapon", 167, 224),
      call("swapoff", 168, 225),
      call("acct", 163, 89),
      call("quotactl", 179, 60),
      call("quotactl_fd", 443, 443),
      call("syslog", 103, 116),
      call("vhangup", 153, 58),
      call("iopl", 172, null),
      call("ioperm", 173, null),
      call("lsm_get_self_attr", 459, 459),
      call("lsm_set_self_attr", 460, 460),
      call("lsm_list_modules", 461, 461),
    ],
  },
  {
    what: "Obsolete calls",
    answer: "ENOSYS",
    calls: [
      call("uselib", 134, null),
      call("ustat", 136, null),
      call("sysfs", 139, null),
      call("modify_ldt", 154, null),
      call("_sysctl", 156, null),
      call("create_module", 174, null),
      call("get_kernel_syms", 177, null),
      call("query_module", 178, null),
      call("nfsservctl", 180, 42),
      call("getpmsg", 181, null),
      call("putpmsg", 182, null),
      call("afs_syscall", 183, null),
      call("tuxcall", 184, null),
      call("security", 185, null),
      call("lookup_dcookie", 212, 18),
      call("vserver", 236, null),
    ],
  },
  {
    what: "Sockets other than `AF_UNIX`, `AF_INET`, `AF_INET6` and `NETLINK_ROUTE`; so no `AF_VSOCK`, `AF_ALG`, `AF_PACKET`",
    checks: [
      { argument: 0, rule: "one of", values: Object.values(family), answer: "EAFNOSUPPORT" },
      {
        argument: 2,
        rule: "one of",
        values: [netlinkRoute],
        answer: "EPROTONOSUPPORT",
        where: { argument: 0, value: family.netlink },
      },
    ],
    calls: [call("socket", 41, 198)],
  },
  {
    what: "Pairs of sockets other than `AF_UNIX`",
    checks: [{ argument: 0, rule: "one of", values: [family.unix], answer: "EAFNOSUPPORT" }],
    calls: [call("socketpair", 53, 199)],
  },
  {
    what: "Putting input into a terminal: `TIOCSTI`, `TIOCLINUX`",
    checks: [{ argument: 1, rule: "none of", values: terminalInput, answer: "EPERM" }],
    calls: [call("ioctl", 16, 29)],
  },
  {
    what: "Personalities other than those of containers, and the one without address randomization, which debuggers use",
    checks: [{ argument: 0, rule: "one of", values: harmlessPersonalities, answer: "EPERM" }],
    calls: [call("personality", 135, 92)],
  },
];

function call(name: string, x64: number | null, arm64: number | null): SystemCall {
  return { name, x64, arm64 };
}
