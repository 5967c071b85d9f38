// What is done by descriptors, as promises.

const { promisify } = require("node:util");
const { constants, fs, kindOf, refusal } = require("./paths.cjs");

/** Not among Node's. */
const O_PATH = 0o10000000;
const FLAGS = constants.O_NOCTTY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const statFile = promisify(fs.fstat);
const changeMode = promisify(fs.fchmod);
const changeOwner = promisify(fs.fchown);
const truncate = promisify(fs.ftruncate);

/** A folder's descriptor, which stays the same folder whatever links come. */
function openFolder(path) {
  return openFile(path, O_PATH | constants.O_DIRECTORY);
}

function within(folder, name) {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name]);
}

function onlyRegular(mode) {
  const kind = kindOf(mode);
  if (kind === "folder") throw refusal("EISDIR");
  if (kind !== "file") throw refusal("ESPECIAL");
}

/** Fewer bytes only at the end. */
async function readAll(descriptor, offset, length) {
  const bytes = Buffer.allocUnsafe(length);
  let size = 0;
  while (size < length) {
    const count = await new Promise((resolve, reject) => {
      fs.read(descriptor, bytes, size, length - size, offset + size, (error, got) =>
        error ? reject(error) : resolve(got),
      );
    });
    if (count === 0) break;
    size += count;
  }
  return bytes.subarray(0, size);
}

/** `offset` null: where the descriptor is. */
async function writeAll(descriptor, bytes, offset) {
  for (let size = 0; size < bytes.length; ) {
    size += await new Promise((resolve, reject) => {
      const at = offset === null ? null : offset + size;
      fs.write(descriptor, bytes, size, bytes.length - size, at, (error, done) =>
        error ? reject(error) : resolve(done),
      );
    });
  }
}

module.exports = {
  FLAGS,
  changeMode,
  changeOwner,
  closeFile,
  onlyRegular,
  openFile,
  openFolder,
  readAll,
  statFile,
  truncate,
  within,
  writeAll,
};
