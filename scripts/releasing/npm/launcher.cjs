#!/usr/bin/env node
// bin/index.js of the npm package msb-mcp: starts the executable that the package of this platform has, and is as good as the executable
// itself: same input and output, same signals, same end. Plain CommonJS for Node 18 and later, and for Bun.
"use strict";

const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { constants } = require("node:os");
const { homepage, optionalDependencies, version } = require("../package.json");

const isWindows = process.platform === "win32";
const system = isWindows ? "windows" : process.platform;
const platform = `${system}-${process.arch}${isMusl() ? "-musl" : ""}`;
const packageName = `msb-mcp-${platform}`;

const path = executable();
if (path !== undefined) run(path);

/** Its path; undefined, having said what is missing, where there is none. */
function executable() {
  if (!(packageName in optionalDependencies)) {
    const names = Object.keys(optionalDependencies).map((name) => name.replace("msb-mcp-", ""));
    fail(
      `there is no executable for ${platform}; there is one for ${names.join(", ")}.`,
      `To build one, see ${homepage}`,
    );
    return undefined;
  }
  try {
    return require.resolve(`${packageName}/bin/msb-mcp${isWindows ? ".exe" : ""}`);
  } catch {
    fail(
      `the package ${packageName}, which has the executable for this platform, is not installed.`,
      "It is an optional dependency: --omit=optional leaves it out, and so does a node_modules folder made on another platform.",
      `Install it with: npm install ${packageName}@${version}`,
    );
    return undefined;
  }
}

function run(path) {
  const child = spawn(path, process.argv.slice(2), { stdio: "inherit", windowsHide: true });
  // Windows has no signals to pass on: its console tells each of its programs of Ctrl+C. This one only has to outlive the executable.
  const signals = isWindows ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGTERM", "SIGINT", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => isWindows || child.kill(signal));
  // npx runs this in a shell, which a signal to npx ends without passing it on.
  if (process.env.npm_command === "exec" && !isWindows) outlivesParent(() => child.kill("SIGTERM"));
  child.on("error", (error) => {
    fail(`${path} cannot be started: ${error.message}`, `Install ${packageName}@${version} again.`);
  });
  child.on("exit", (status, signal) => {
    if (signal === null) {
      process.exit(status);
    }
    // Whoever waits for this process is to see the same end.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Where that has not ended it: as a shell tells it.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1000);
  });
}

function outlivesParent(tell) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    tell();
  }, 500);
  timer.unref();
}

function fail(...lines) {
  for (const line of lines) process.stderr.write(`msb-mcp: ${line}\n`);
  process.exitCode = 1;
}

function isMusl() {
  if (process.platform !== "linux") return false;
  const { header = {} } = process.report?.getReport?.() ?? {};
  if (header.glibcVersionRuntime !== undefined) return false;
  // musl's loader may be on a machine with glibc as well, but not the other way round.
  return !existsSync("/lib64/ld-linux-x86-64.so.2") && !existsSync("/lib/ld-linux-aarch64.so.1");
}
