// Real pipes, which Node cannot make: `/dev/stdout` can be opened on them and not on the sockets of its own pipes.

const { folder } = require("./state.cjs");
const { constants, execFileSync, openSync, unlinkSync } = require("./system.cjs");

/** FIFOs that are made at a time: making them costs a process. */
const fifoBatch = 12;

const fifos = { made: 0, names: [] };

function pipe() {
  const name = fifo();
  const ours = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const theirs = openSync(name, constants.O_WRONLY);
  unlinkSync(name);
  return { ours, theirs };
}

function fifo() {
  if (fifos.names.length === 0) {
    const names = Array.from({ length: fifoBatch }, () => `${folder}/p${fifos.made++}`);
    execFileSync("mkfifo", names);
    fifos.names.push(...names);
  }
  return fifos.names.pop();
}

/** As `pipe`, in the other direction; `left` reads, without waiting, what the program has not. */
function inputPipe() {
  const name = fifo();
  const left = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const ours = openSync(name, constants.O_WRONLY | constants.O_NONBLOCK);
  const theirs = openSync(name, constants.O_RDONLY);
  unlinkSync(name);
  return { ours, theirs, left };
}

module.exports = { inputPipe, pipe };
