// The control thread's side of a run's standard input: the pipe, and what the host has for it.

// Node makes no pipes, so a shell does: the process that tells its id has the reading end as its descriptor 4, until its descriptor 3 ends.
const MAKE_PIPE = "read x <&3 | /bin/sh -c 'exec 4<&0; echo $$; read x <&3'";
// How soon a full pipe is looked at again: its reader takes its time.
const FULL_MS = 5;

/** `took` is called with the number of each piece of text that is in the pipe, or that nobody will read. Null where there can be no pipe. */
async function openInput(id, took) {
  const ends = await makePipe();
  return ends === null ? null : { id, took, ...ends, isOver: false, last: Promise.resolve() };
}

async function makePipe() {
  const { spawn } = require("node:child_process");
  const { closeSync, constants, openSync } = require("node:fs");
  const shell = spawn("/bin/sh", ["-c", MAKE_PIPE], { stdio: ["ignore", "pipe", "ignore", "pipe"] });
  let readEnd = null;
  try {
    const pid = await new Promise((resolve, reject) => {
      shell.once("error", reject);
      shell.once("close", reject);
      shell.stdout.once("data", (bytes) => resolve(Number(bytes)));
    });
    const path = `/proc/${pid}/fd/4`;
    readEnd = openSync(path, constants.O_RDONLY);
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
  } catch {
    // No room among the processes or the open files.
    if (readEnd !== null) closeSync(readEnd);
    return null;
  } finally {
    shell.stdio[3]?.destroy();
    shell.stdout?.destroy();
  }
}

function writeInput(input, number, text) {
  input.last = input.last.then(() => feed(input, Buffer.from(text))).then(() => input.took(number));
}

/** Nothing more comes. */
function endInput(input) {
  if (input.isOver) return;
  input.isOver = true;
  const { closeSync } = require("node:fs");
  input.last = input.last.then(() => closeSync(input.writeEnd));
}

async function feed(input, bytes) {
  const { writeSync } = require("node:fs");
  const timers = require("node:timers/promises");
  for (let at = 0; at < bytes.length && !input.isOver; ) {
    try {
      at += writeSync(input.writeEnd, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
      await timers.setTimeout(FULL_MS);
    }
  }
}

module.exports = { endInput, openInput, writeInput };
