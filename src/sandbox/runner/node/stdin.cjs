// The user's process.stdin: each run has its own, of what descriptor 0 is for it. That is empty, or a pipe from the control thread.

const { closeSync, given, node, openSync, process } = require("./references.cjs");
const { state } = require("./state.cjs");

function replaceStdin() {
  state.stdin = emptyStdin();
  const { get: _, ...property } = Object.getOwnPropertyDescriptor(process, "stdin");
  const get = given(function get() {
    const { stdin } = state;
    stdin.stream ??= stdin.readEnd === null ? openEmpty() : openPipe(stdin.readEnd);
    return stdin.stream;
  });
  Object.defineProperty(process, "stdin", { ...property, get });
}

/** What the getter has made of an earlier run's is at its end. */
function emptyStdin() {
  return { readEnd: null, stream: null };
}

/** Makes the pipe descriptor 0, for the run and all that it starts. With null it stays empty. */
function connectStdin(readEnd) {
  if (readEnd !== null) reopen(`/proc/self/fd/${readEnd}`);
  state.stdin = { ...emptyStdin(), readEnd };
}

function disconnectStdin(run) {
  const { readEnd, stream } = state.stdin;
  state.stdin = emptyStdin();
  if (readEnd === null) return;
  state.control.postMessage({ over: run.id });
  try {
    stream?.destroy();
  } catch {
    // The user's own.
  }
  closeSync(readEnd);
  reopen("/dev/null");
}

function reopen(file) {
  try {
    closeSync(0);
  } catch {
    // The user has closed it.
  }
  // The lowest free descriptor, unless something that the user has left going on has taken it since.
  const fd = openSync(file, "r");
  if (fd !== 0) closeSync(fd);
}

/** As Node has it for what is no pipe. */
function openEmpty() {
  const { ReadStream } = node.fs;
  return new ReadStream(null, { fd: 0, autoClose: false });
}

/** Of a descriptor of its own, which it makes non-blocking: that of child processes is not to be. */
function openPipe(readEnd) {
  const { Socket } = node.load("node:net");
  const fd = openSync(`/proc/self/fd/${readEnd}`, "r");
  const stream = new Socket({ fd, readable: true, writable: false, manualStart: true });
  stream.fd = 0;
  return stream;
}

/** Node lists the resource whether it is read or not. */
function hasStdinHandle() {
  const handle = state.stdin.stream?._handle;
  return handle !== null && handle !== undefined;
}

/** Whether a run waits for input. Node goes on to read ahead for a stream that has been paused. */
function isReadingStdin() {
  const { stream } = state.stdin;
  const handle = stream?._handle;
  if (!handle?.reading) return false;
  if (stream.readableFlowing === true || stream.listenerCount("readable") > 0) return true;
  handle.reading = false;
  handle.readStop();
  return false;
}

module.exports = { connectStdin, disconnectStdin, hasStdinHandle, isReadingStdin, replaceStdin };
