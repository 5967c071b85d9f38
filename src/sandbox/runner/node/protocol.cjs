// What is said on control-out, in lines of JSON; the messages are those of the Python runner (python/main.py).

const { writeAll } = require("./output.cjs");
const { CONTROL_OUT, SPEAKING, process, shared } = require("./references.cjs");

const MARKED = [5, 6];
/** As in control.cjs. */
const SPEAKER = 1;
const OTHER_SPEAKER = 2;
const READY = { ready: true, pid: process.pid, protocol: 4 };
// No more than this is sure to stay in one piece in a pipe that others write to as well (PIPE_BUF), in bytes.
const WHOLE_BYTES = 4096;

function attach(mark) {
  for (const fd of MARKED) writeAll(fd, mark);
  send(encode(READY));
}

/** One thread at a time: what is long goes out in pieces. What this thread holds already was left by code that was terminated. */
function send(line) {
  while (Atomics.compareExchange(shared, SPEAKING, 0, SPEAKER) === OTHER_SPEAKER)
    Atomics.wait(shared, SPEAKING, OTHER_SPEAKER, 1);
  writeAll(CONTROL_OUT, line);
  Atomics.store(shared, SPEAKING, 0);
}

function encode(message) {
  return `${JSON.stringify(message)}\n`;
}

module.exports = { MARKED, READY, WHOLE_BYTES, attach, encode, send };
