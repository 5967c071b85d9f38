// Files that are read, by numbers that the host gives, and folders that are walked through.

const { absolute, constants, described, files, fs, join, toBytes } = require("./paths.cjs");
const { closeFile, onlyRegular, openFile, readAll, statFile } = require("./descriptors.cjs");

/** Bounds one answer of a walk. */
const WALK_ENTRIES = 256;
const WALK_BYTES = 64 * 1024;

class Opened {
  static async from(path) {
    const where = await absolute(toBytes(path));
    // Nobody waits for the other end of a pipe, and a device that is opened may do something: looked at before, and again after.
    onlyRegular((await files.stat(where)).mode);
    const descriptor = await openFile(where, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const found = await statFile(descriptor, { bigint: true });
      onlyRegular(found.mode);
      return new Opened(descriptor, described(where, found));
    } catch (error) {
      await closeFile(descriptor);
      throw error;
    }
  }

  constructor(descriptor, info) {
    this.descriptor = descriptor;
    this.info = info;
  }

  read(offset, length) {
    return readAll(this.descriptor, offset, length);
  }

  close() {
    return closeFile(this.descriptor);
  }
}

/** A folder's entries and those below, of each folder but the names at once. */
class Walk {
  static async from(path, depth, skip) {
    const where = await absolute(toBytes(path));
    return new Walk({ path: where, names: await namesIn(where) }, depth, skip.map(toBytes));
  }

  constructor(first, depth, skip) {
    this.depth = depth;
    this.skip = skip;
    // Of each folder on the way: its path, and the names that are left, the next one last.
    this.open = [first];
  }

  /** Some more; none at the end. */
  async next() {
    const entries = [];
    for (let size = 0; this.open.length > 0 && entries.length < WALK_ENTRIES && size < WALK_BYTES; ) {
      const { path: folder, names } = this.open.at(-1);
      const name = names.pop();
      if (name === undefined) {
        this.open.pop();
        continue;
      }
      const path = join(folder, name);
      const entry = entryAt(path);
      // It has gone, or may not even be looked at.
      if (entry === null) continue;
      entries.push(entry);
      size += path.length;
      const isSkipped = this.open.length >= this.depth || this.skip.some((one) => one.equals(name));
      if (entry.kind !== "folder" || isSkipped) continue;
      const below = await namesIn(path).catch(() => []);
      this.open.push({ path, names: below });
    }
    return entries;
  }

  async close() {
    this.open = [];
  }
}

/** At once: to hand over each to a thread takes longer than it does. */
function entryAt(path) {
  try {
    const found = fs.lstatSync(path, { bigint: true });
    return described(path, found, found.isSymbolicLink() ? fs.readlinkSync(path, "buffer") : undefined);
  } catch {
    return null;
  }
}

async function namesIn(folder) {
  const names = await files.readdir(folder, "buffer");
  return names.sort((one, other) => Buffer.compare(other, one));
}

module.exports = { Opened, Walk };
