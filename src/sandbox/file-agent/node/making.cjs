// Names where nothing was: folders, and a file's last step.

const { absolute, constants, dirname, files, refusal, toBytes } = require("./paths.cjs");
const { FLAGS, closeFile, openFile } = require("./descriptors.cjs");

/** What systems say that cannot give a file a second name. */
const NO_LINKS = ["EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EMLINK", "EINVAL"];

async function makeFoldersAbove(path) {
  try {
    await makeFolder(dirname(path));
  } catch (error) {
    throw error.code === "EEXIST" ? refusal("ENOTDIR") : error;
  }
}

async function makeFolder(path) {
  const where = await absolute(path);
  for (let at = 1; at <= where.length; ) {
    const slash = where.indexOf(47, at);
    const end = slash === -1 ? where.length : slash;
    const folder = where.subarray(0, end);
    await files.mkdir(folder).catch(async (error) => {
      const found = await files.stat(folder).catch(() => null);
      if (found?.isDirectory()) return;
      throw end < where.length && error.code === "EEXIST" ? refusal("ENOTDIR") : error;
    });
    at = end + 1;
  }
}

async function makeLink(path, target) {
  await files.symlink(toBytes(target), await absolute(toBytes(path)));
}

/** Gives a file its name only if nothing has that. */
async function linkNew(source, target) {
  try {
    await files.link(source, target);
  } catch (error) {
    if (!NO_LINKS.includes(error.code)) throw error;
    await closeFile(await openFile(target, FLAGS | constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    await files.rename(source, target);
    return;
  }
  await files.unlink(source);
}

module.exports = { linkNew, makeFolder, makeFoldersAbove, makeLink };
