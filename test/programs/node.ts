// JavaScript sources for Node, for the contract and for tests of real hosts.

import type { CodeSet } from "../contract/port-contract.ts";

export const node: CodeSet = {
  print: (text) => `console.log("${text}");`,
  printError: (text) => `console.error("${text}");`,
  fail: `throw new Error("failed");`,
  exit: (status) => `process.exit(${status});`,
  forever: "while (true) {}",
  // V8 can end any code, but not a system call that waits.
  stubborn: `
require("node:child_process").execSync("rm -f stuck; mkfifo stuck");
console.log("on");
require("node:fs").openSync("stuck");
`,
  flood: (bytes) => `for (let i = 0; i < ${bytes} / 1000; i++) process.stdout.write("x".repeat(1000)); undefined`,
  writeFile: (name, text) => `require("node:fs").writeFileSync("${name}", "${text}\\n");`,
  readFile: (name) => `process.stdout.write(require("node:fs").readFileSync("${name}", "utf8")); undefined`,
  startBackground: (name) =>
    `require("node:child_process").spawn("sh", ["-c", "while :; do sleep 0.2; echo talk; done", "background-${name}"], { stdio: "inherit" }).unref(); undefined`,
  hog: `
const hoard = [];
while (true) hoard.push(new Uint8Array(8_000_000).fill(1));
`,
  setVariable: (name, value) => `${name} = ${value}; undefined`,
  printVariable: (name) => `console.log(${name});`,
  value: (text) => `${text}`,
  crash: (status) => `process.reallyExit(${status});`,
  segfault: "process.kill(process.pid, 'SIGSEGV'); while (true) {}",
};
