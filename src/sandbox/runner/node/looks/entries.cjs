// What is in a folder, and what is told of it, whatever its names are: they need not be UTF-8.

const { toBytes } = require("../output.cjs");
const { closeFolder, encodeText, lstatSync, opendirSync, readFolder, readdirSync } = require("../references.cjs");

// A folder that says it is larger is read piece by piece, which takes longer for a small one. Bytes.
const LARGE_FOLDER_BYTES = 64 * 1024;
// A byte of a name that is no part of UTF-8, as the code point that stands for it, and how many that is more.
const ESCAPED = /([\udc80-\udcff])/u;
const ESCAPED_BASE = 0xdc00;

/** Undefined for what is not there any more, or may not be asked for. */
function stateOf(path, ask = lstatSync) {
  try {
    return ask(toNative(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** None where it may not be read. */
function* namesIn(folder, state) {
  try {
    const isLarge = state?.size > LARGE_FOLDER_BYTES;
    const names = isLarge ? null : readdirSync(toNative(folder));
    let isPlain = !isLarge;
    for (let at = 0; isPlain && at < names.length; at++) isPlain = !names[at].includes("\ufffd");
    if (isPlain) for (let at = 0; at < names.length; at++) yield names[at];
    else yield* namesByPieces(folder);
  } catch {
    // It is not there any more, or not to be read.
  }
}

function* namesByPieces(folder) {
  const entries = opendirSync(toNative(folder), { encoding: "buffer" });
  try {
    for (let entry = next(); entry !== null; entry = next()) yield nameFrom(toBytes(entry.name));
  } finally {
    Reflect.apply(closeFolder, entries, []);
  }

  function next() {
    return Reflect.apply(readFolder, entries, []);
  }
}

/** A name that need not be UTF-8, as Python's PEP 383 has it. */
function nameFrom(bytes) {
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => characterFrom(bytes.subarray(at, at + count)) !== null) ?? 0;
    name +=
      length === 0 ? String.fromCharCode(ESCAPED_BASE + bytes[at]) : characterFrom(bytes.subarray(at, at + length));
    at += Math.max(length, 1);
  }
  return name;
}

function characterFrom(bytes) {
  try {
    return decodeURIComponent([...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
  } catch {
    return null;
  }
}

/** A path as the system has it. */
function toNative(path) {
  if (!ESCAPED.test(path)) return path;
  const pieces = path
    .split(ESCAPED)
    .map((piece, index) => (index % 2 === 1 ? [piece.charCodeAt(0) - ESCAPED_BASE] : toBytes(encodeText(piece))));
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

module.exports = { namesIn, stateOf };
