// What is removed and moved.

const { randomBytes } = require("node:crypto");
const { absolute, constants, dirname, files, join, kindOf, refusal, toBytes } = require("./paths.cjs");
const { closeFile, openFile, within } = require("./descriptors.cjs");
const { PREFIX } = require("./hidden.cjs");
const { linkNew } = require("./making.cjs");

async function remove(path, withContent) {
  const where = await absolute(toBytes(path));
  if (!(await files.lstat(where)).isDirectory()) await files.unlink(where);
  else if (withContent) await removeTree(where);
  else await files.rmdir(where);
}

/** By descriptors: no link that comes meanwhile leads it elsewhere. */
async function removeTree(path) {
  const folder = await openFile(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    for (const name of await files.readdir(`/proc/self/fd/${folder}`, "buffer")) {
      const child = within(folder, name);
      if ((await files.lstat(child)).isDirectory()) await removeTree(child);
      else await files.unlink(child);
    }
  } finally {
    await closeFile(folder);
  }
  await files.rmdir(path);
}

async function move(from, to, replace) {
  let source;
  let mode;
  try {
    source = await absolute(toBytes(from));
    mode = (await files.lstat(source)).mode;
  } catch (error) {
    throw refusal(error.code ?? "EIO", { at: "from" });
  }
  const target = await absolute(toBytes(to));
  if (source.equals(target)) return;
  if (target.toString("latin1").startsWith(`${source.toString("latin1")}/`)) throw refusal("EINTOITSELF");
  if (!replace && (await files.lstat(target).catch(() => null)) !== null) throw refusal("EEXIST");
  const mayReplace = replace || kindOf(mode) === "folder";
  try {
    await renameTo(source, target, mayReplace);
  } catch (error) {
    if (error.code === "EINVAL") throw refusal("EINTOITSELF");
    if (error.code === "EEXIST" && replace) throw refusal("ENOTEMPTY");
    if (error.code !== "EXDEV") throw error;
    await moveOver(source, target, mayReplace);
  }
}

async function renameTo(source, target, mayReplace) {
  if (mayReplace) await files.rename(source, target);
  else await linkNew(source, target);
}

/** To another file system: whole beside its new name first. */
async function moveOver(source, target, mayReplace) {
  const temp = join(dirname(target), Buffer.from(`${PREFIX}move-${randomBytes(8).toString("hex")}`));
  try {
    await copyTree(source, temp);
    await renameTo(temp, target, mayReplace);
  } catch (error) {
    await removeAny(temp).catch(() => undefined);
    throw error;
  }
  await removeAny(source);
}

async function copyTree(source, target) {
  const found = await files.lstat(source);
  const kind = kindOf(found.mode);
  if (kind === "link") return await files.symlink(await files.readlink(source, "buffer"), target);
  if (kind === "other") throw refusal("ESPECIAL");
  if (kind === "file") await files.copyFile(source, target, constants.COPYFILE_EXCL);
  else {
    await files.mkdir(target);
    for (const name of await files.readdir(source, "buffer")) await copyTree(join(source, name), join(target, name));
  }
  await files.chmod(target, found.mode & 0o7777);
  await files.utimes(target, found.atime, found.mtime);
}

async function removeAny(path) {
  if ((await files.lstat(path)).isDirectory()) await removeTree(path);
  else await files.unlink(path);
}

module.exports = { move, remove };
