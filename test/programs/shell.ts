// Command lines for /bin/sh, for the contract and for tests of real hosts.

import type { ConcurrentCommands } from "../contract/concurrent-contract.ts";
import type { LastingCommands } from "../contract/lasting-contract.ts";
import type { CommandSet } from "../contract/port-contract.ts";

/** The process that `startBackground` has started, found by its arguments. */
export const endBackground = (name: string) =>
  `for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/cmdline 2>/dev/null | grep -qx background-${name} && kill -9 \${p#/proc/}; done; true`;

/** A background process carries its name in its arguments, where `listBackground` finds it. */
export const shell: CommandSet = {
  print: (text) => `echo '${text}'`,
  printError: (text) => `echo '${text}' >&2`,
  fail: "false",
  exit: (status) => `exit ${status}`,
  forever: "while :; do sleep 1; done",
  stubborn: "trap '' INT TERM HUP QUIT; echo on; while :; do sleep 1; done",
  flood: (bytes) => `head -c ${bytes} /dev/zero`,
  writeFile: (name, text) => `echo '${text}' > ${name}`,
  readFile: (name) => `cat ${name}`,
  // A process that has been forked but not yet become what it is to be has no name of its own to be found by.
  startBackground: (name) => `
sh -c 'while :; do sleep 0.2; echo talk; done' background-${name} &
until tr '\\0' '\\n' < /proc/$!/cmdline | grep -qx background-${name}; do :; done`,
  endBackground,
  hog: "tail /dev/zero",
  killed: "kill -SEGV $$",
  listBackground: "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | sed -n 's/^background-//p' | sort",
  vanish: "kill -9 -1; sleep 10",
};

export const lastingShell: LastingCommands = {
  ...shell,
  waitFor: (name) => `until [ -e ${name} ]; do sleep 0.1; done`,
};

/** Without a process a moment: eighteen of them would be all that an emulated machine does. */
const goesOn = "'sleep 1000; :'";
const signalNames = { interrupt: "INT", terminate: "TERM" };

export const concurrentShell: ConcurrentCommands = {
  ...shell,
  startDetached: (name) => `
sh -c ${goesOn} background-${name}-plain &
(sh -c ${goesOn} background-${name}-orphan &)
(setsid sh -c ${goesOn} background-${name}-session &)
env -i sh -c ${goesOn} background-${name}-bare &
nohup sh -c ${goesOn} background-${name}-deaf > /dev/null 2>&1 &
(setsid env -i nohup sh -c ${goesOn} background-${name}-all < /dev/null > /dev/null 2>&1 &)
until test "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep '^background-${name}-' | sort -u | wc -l)" -eq 6; do sleep 0.02; done`,
  echoInput: "echo on; cat",
  readLine: `printf 'name? '; if IFS= read -r x; then echo "got:$x"; else echo none; fi`,
  onSignal: (signal, text) =>
    `trap 'echo ${text}; exit 7' ${signalNames[signal]}; echo on; while :; do sleep 0.05; done`,
  family: `
trap : TERM
(
  trap 'echo child' TERM
  (
    trap 'echo grandchild; exit' TERM
    echo on
    while :; do sleep 0.05; done
  ) &
  wait
  wait
) &
wait
wait`,
  late: (lines) => `(sleep 0.2; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "late $i"; done) & echo early`,
  lateFailure: "(sleep 0.2; echo 'address in use' >&2; exit 1) & echo early",
};

/**
 * Doubles itself and never ends; the pipe keeps both halves alive. It begins in a shell of its own: the first half may leave no process for the
 * second, and a shell that cannot start one ends.
 */
export const forkBomb = "bomb() { bomb | bomb & }; (bomb); exec sleep 30";
