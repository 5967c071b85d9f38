// Hidden files beside those that they become: how they are named, and those that a write has left.

const { createHash } = require("node:crypto");
const { absolute, basename, dirname, files, join, targetOf, toBytes } = require("./paths.cjs");

/** Looks for changed files pass these over. */
const PREFIX = ".msb-";

function writeName(token) {
  return Buffer.from(`${PREFIX}write-${token}`);
}

function partName(name, id) {
  return Buffer.from(`${PREFIX}part-${id}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`);
}

async function partBytes(path, id) {
  const where = await targetOf(await absolute(toBytes(path)));
  const file = join(dirname(where), partName(basename(where), id));
  try {
    return (await files.lstat(file)).size;
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

/** The hidden file of a write that was on when its program was killed. */
async function discard(path, token, follow) {
  const named = await absolute(toBytes(path));
  const where = follow ? await targetOf(named) : named;
  await files.unlink(join(dirname(where), writeName(token)));
}

module.exports = { PREFIX, discard, partBytes, partName, writeName };
