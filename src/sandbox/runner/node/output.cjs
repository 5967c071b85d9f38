// Bytes to descriptors: written at once, so that nothing is ever left to flush.

const { bytesOf, encodeText, kill, process, writeSync } = require("./references.cjs");

function writeAll(fd, data) {
  const bytes = toBytes(data);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      // A child that shares the pipe may have made it non-blocking.
      if (error.code !== "EAGAIN") {
        if (fd > 2) kill(process.pid, "SIGKILL");
        throw error;
      }
      sleepSync(1);
    }
  }
}

/** Of this realm, as Node asks them for their length. */
function toBytes(data) {
  if (data instanceof Uint8Array) return data;
  const bytes = typeof data === "string" ? encodeText(data) : data;
  const get = (name) => Reflect.apply(bytesOf[name].get, bytes, []);
  return new Uint8Array(get("buffer"), get("byteOffset"), get("byteLength"));
}

function sleepSync(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

module.exports = { toBytes, writeAll };
