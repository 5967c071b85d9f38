// Command lines for /bin/sh, for the contract and for tests of real hosts.

import type { CommandSet } from "../contract/port-contract.ts";

/** A background process carries its name in its arguments, where `listBackground` finds it. */
export const shell: CommandSet = {
  print: (text) => `echo '${text}'`,
  printError: (text) => `echo '${text}' >&2`,
  fail: "false",
  exit: (status) => `exit ${status}`,
  forever: "while :; do sleep 0.1; done",
  stubborn: "trap '' INT TERM HUP QUIT; echo on; while :; do sleep 0.1; done",
  flood: (bytes) => `head -c ${bytes} /dev/zero`,
  writeFile: (name, text) => `echo '${text}' > ${name}`,
  readFile: (name) => `cat ${name}`,
  // A process that has been forked but not yet become what it is to be has no name of its own to be found by.
  startBackground: (name) => `
sh -c 'while :; do sleep 0.2; echo talk; done' background-${name} &
until tr '\\0' '\\n' < /proc/$!/cmdline | grep -qx background-${name}; do :; done`,
  hog: "tail /dev/zero",
  killed: "kill -SEGV $$",
  listBackground: "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | sed -n 's/^background-//p' | sort",
  vanish: "kill -9 -1; sleep 10",
};

/** Doubles itself and never ends; the pipe keeps both halves alive. */
export const forkBomb = "bomb() { bomb | bomb & }; bomb; exec sleep 30";
