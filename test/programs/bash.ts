// Bash sources, for the contract and for tests of real hosts.

import type { ConcurrentCode } from "../contract/concurrent-contract.ts";
import type { CodeSet } from "../contract/port-contract.ts";
import { concurrentShell, shell } from "./shell.ts";

const { print, printError, exit, flood, writeFile, readFile, startBackground, endBackground, stubborn } = shell;

export const bash: CodeSet = {
  ...{ print, printError, exit, flood, writeFile, readFile, startBackground, endBackground, stubborn },
  fail: "false",
  forever: "while :; do :; done",
  hog: "hoard=x\nwhile :; do hoard=$hoard$hoard; done",
  setVariable: (name, value) => `${name}=${value}`,
  printVariable: (name) => `echo "\${${name}:?}"`,
  crash: (status) => `exec sh -c 'exit ${status}'`,
  segfault: "kill -SEGV $$",
};

export const concurrentBash: ConcurrentCode = {
  ...bash,
  echoInput: concurrentShell.echoInput,
  readLine: concurrentShell.readLine,
  // It goes on for longer than an interrupt that is to end code has before it is sent again.
  catchInterrupt: `
trap 'echo caught; isOver=1' INT
echo on
until [ "$isOver" ]; do sleep 0.05; done
trap - INT
isOver=
sleep 0.8`,
  ticks: {
    "a child process": (lines) => `(sleep 0.2; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo tick $i; done) &`,
  },
};
