// What is said on control-out, in lines of JSON; the messages are those of the Python runner (python/main.py).

const { writeAll } = require("./output.cjs");
const { process } = require("./references.cjs");

const CONTROL_OUT = 3;
const MARKED = [5, 6];
const READY = { ready: true, pid: process.pid, protocol: 2 };
// No more than this is sure to stay in one piece in a pipe that others write to as well (PIPE_BUF), in bytes.
const WHOLE_BYTES = 4096;

function attach(mark) {
  for (const fd of MARKED) writeAll(fd, mark);
  send(encode(READY));
}

function send(line) {
  writeAll(CONTROL_OUT, line);
}

function encode(message) {
  return `${JSON.stringify(message)}\n`;
}

module.exports = { MARKED, READY, WHOLE_BYTES, attach, encode, send };
