// The user's process.stdout and process.stderr: written synchronously, so that nothing is ever left to flush and everything is in order with
// what native code and children print.

const { writeAll } = require("./output.cjs");
const { fstatSync, nextTick, node, openSync, process } = require("./references.cjs");

function replaceStreams() {
  for (const [name, fd] of [
    ["stdout", 1],
    ["stderr", 2],
  ]) {
    const stream = new node.Writable({
      write(chunk, _encoding, done) {
        writeAll(fd, chunk);
        done();
      },
    });
    // As of the stream that this stands for: it can neither be ended nor destroyed.
    const end = (chunk, encoding, done) => {
      const last = [chunk, encoding, done].find((argument) => typeof argument === "function");
      if (chunk !== undefined && chunk !== null && chunk !== last)
        stream.write(chunk, typeof encoding === "string" ? encoding : undefined);
      if (last !== undefined) nextTick(last);
      return stream;
    };
    Object.assign(stream, { fd, _type: "fs", _isStdio: true, end, destroy: () => stream, destroySoon: () => stream });
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
  }
}

/** Makes descriptors that the user has closed usable again. */
function restoreDescriptors() {
  for (const [fd, file, flags] of [
    [0, "/dev/null", "r"],
    [1, "/proc/self/fd/5", "a"],
    [2, "/proc/self/fd/6", "a"],
  ]) {
    try {
      fstatSync(fd);
    } catch {
      try {
        // The lowest free descriptor: the one that was found closed.
        openSync(file, flags);
      } catch {
        // A socket cannot be opened again; the run's prints fail, as it asked for.
      }
    }
  }
}

module.exports = { replaceStreams, restoreDescriptors };
