// JavaScript sources for Node, for the contract and for tests of real hosts.

import type { ConcurrentCode } from "../contract/concurrent-contract.ts";
import type { ValueSet } from "../contract/port-contract.ts";
import { samplePng } from "./sample.ts";
import { endBackground } from "./shell.ts";

export const node: ValueSet = {
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
  endBackground: (name) => `require("node:child_process").execSync(${JSON.stringify(endBackground(name))}); undefined`,
  hog: `
const hoard = [];
while (true) hoard.push(new Uint8Array(8_000_000).fill(1));
`,
  setVariable: (name, value) => `${name} = ${value}; undefined`,
  printVariable: (name) => `console.log(${name});`,
  value: (text) => `${text}`,
  crash: (status) => `process.reallyExit(${status});`,
  segfault: "process.kill(process.pid, 'SIGSEGV'); while (true) {}",
  show: (text) => `display("${text}", "text/markdown");`,
  showPicture: (moreBytes) =>
    `display(Buffer.concat([Buffer.from("${samplePng}", "base64"), Buffer.alloc(${moreBytes})]));`,
};

export const concurrentNode: ConcurrentCode = {
  ...node,
  echoInput: `
console.log("on");
process.stdin.setEncoding("utf8");
for await (const text of process.stdin) process.stdout.write(text);
undefined`,
  readLine: `
await new Promise((resolve) => {
  let got = "none";
  const lines = require("node:readline").createInterface({ input: process.stdin });
  lines.once("line", (line) => {
    got = "got:" + line;
    lines.close();
  });
  lines.once("close", () => resolve(got));
  process.stdout.write("name? ");
}).then(console.log);
undefined`,
  catchInterrupt: `
await new Promise((resolve) => {
  const goesOn = setInterval(() => {}, 50);
  process.once("SIGINT", () => {
    clearInterval(goesOn);
    resolve();
  });
  console.log("on");
});
console.log("caught");
await new Promise((resolve) => setTimeout(resolve, 800));
undefined`,
  ticks: {
    "an interval": (lines) => `
{
  let number = 0;
  const timer = setInterval(() => {
    for (let count = 0; count < 100 && number < ${lines}; count += 1) console.log("tick", (number += 1));
    if (number === ${lines}) clearInterval(timer);
  }, 20);
}
undefined`,
    "a child process": (lines) => `
require("node:child_process").spawn(
  "sh", ["-c", "sleep 0.2; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo tick $i; done"], { stdio: "inherit" },
).unref();
undefined`,
  },
};
