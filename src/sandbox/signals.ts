// Linux's signals by number and name, and the status that a shell makes of one.

/** The same on every architecture that guests run on. */
const names = [
  ...[
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
  ],
  ...["SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN"],
  ...["SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS"],
];

export function signalName(number: number): string {
  return names[number - 1] ?? `SIG${number}`;
}

/** 128 and the signal's number; null for a name that nobody gives. */
function statusOf(signal: string): number | null {
  const number = names.indexOf(signal) + 1 || Number(/^SIG(\d+)$/.exec(signal)?.[1]);
  return Number.isNaN(number) ? null : 128 + number;
}

/** What is told of a program that a signal has ended. */
export function endedBy(signal: string | null): { readonly exitCode: number | null; readonly signal?: string } {
  return signal === null ? { exitCode: null } : { exitCode: statusOf(signal), signal };
}
