// Files that are written: to a hidden file beside the name, which takes the name when all has come.

const {
  absolute,
  basename,
  constants,
  described,
  dirname,
  files,
  fs,
  kindOf,
  refusal,
  targetOf,
  toBytes,
} = require("./paths.cjs");
const {
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
} = require("./descriptors.cjs");
const { partName, writeName } = require("./hidden.cjs");
const { linkNew, makeFoldersAbove } = require("./making.cjs");

const COPY_BYTES = 1024 * 1024;

class Writing {
  /** `token` names the hidden file: the host knows it, to have it removed when this program has been killed. */
  static async from({ path, token, mode, makeFolders, permissions = 0o644, ifVersion, part }) {
    if (path.endsWith("/")) throw refusal("EISDIR");
    const bytes = toBytes(path);
    if (makeFolders) await makeFoldersAbove(bytes);
    const shown = await absolute(bytes);
    const where = mode === "new" ? shown : await targetOf(shown);
    const name = basename(where);
    if (name.length === 0) throw refusal("EISDIR");
    if (name.length > 255) throw refusal("ENAMETOOLONG");
    // Relative to it, so that no link that comes meanwhile parts the hidden file from the name.
    const folder = await openFolder(dirname(where));
    const writing = new Writing({ folder, name, shown, mode, permissions, ifVersion, isPart: part !== undefined });
    try {
      await writing.begin(token, part);
      return writing;
    } catch (error) {
      await writing.close();
      throw error;
    }
  }

  constructor(options) {
    Object.assign(this, options);
    this.path = within(this.folder, this.name);
    this.descriptor = null;
    this.first = 0;
  }

  async begin(token, part) {
    await this.refuseIfUnwritable();
    this.first = part?.offset ?? 0;
    const temp = part === undefined ? writeName(token) : partName(this.name, part.id);
    this.temp = within(this.folder, temp);
    this.descriptor = await openFile(
      this.temp,
      FLAGS | constants.O_RDWR | constants.O_CREAT | (this.isPart ? 0 : constants.O_EXCL),
      0o600,
    );
    this.length = this.first;
    if (!this.isPart) return;
    const { mode, size } = await statFile(this.descriptor);
    onlyRegular(mode);
    if (this.first > size) {
      if (size === 0) await files.unlink(this.temp);
      throw refusal("EPARTMISMATCH", { bytesSoFar: size });
    }
    await truncate(this.descriptor, this.first);
  }

  /** Also for its end, as the name may have come meanwhile. What is there, or null. */
  async refuseIfUnwritable() {
    const found = await files.lstat(this.path).catch((error) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (found === null) return null;
    if (this.mode === "new") throw refusal("EEXIST");
    // It has come since the links were followed.
    if (kindOf(found.mode) === "link") throw refusal("ELOOP");
    onlyRegular(found.mode);
    await files.access(this.path, constants.W_OK);
    return found;
  }

  async add(offset, data) {
    const at = this.first + offset;
    await writeAll(this.descriptor, data, at);
    this.length = Math.max(this.length, at + data.length);
  }

  async finish(isLast) {
    try {
      if (this.isPart && !isLast) return described(this.shown, await statFile(this.descriptor, { bigint: true }));
      if (this.mode === "append") await this.append();
      else await this.takeName();
      return described(this.shown, await files.stat(this.path, { bigint: true }));
    } finally {
      await this.cancel();
    }
  }

  async takeName() {
    const old = await this.refuseIfUnwritable();
    if (this.ifVersion !== undefined && (old === null || (await this.version()) !== this.ifVersion)) {
      throw refusal("ECHANGED");
    }
    if (old !== null && (old.uid !== process.geteuid() || old.gid !== process.getegid())) {
      // Not everybody may; the content counts.
      await changeOwner(this.descriptor, old.uid, old.gid).catch(() => undefined);
    }
    await changeMode(this.descriptor, old === null ? this.permissions : old.mode & 0o7777);
    if (this.mode === "new") await linkNew(this.temp, this.path);
    else await files.rename(this.temp, this.path);
  }

  async version() {
    return versionOf(await files.lstat(this.path, { bigint: true }));
  }

  async append() {
    const open = () => openFile(this.path, FLAGS | constants.O_WRONLY | constants.O_APPEND);
    const target = await open().catch(async (error) => {
      if (error.code !== "ENOENT") throw error;
      await changeMode(this.descriptor, this.permissions);
      return await linkNew(this.temp, this.path).catch(async (error) => {
        if (error.code !== "EEXIST") throw error;
        return await open();
      });
    });
    if (target === undefined) return;
    try {
      const { mode, size } = await statFile(target);
      onlyRegular(mode);
      try {
        for (let at = 0; at < this.length; at += COPY_BYTES) {
          await writeAll(target, await readAll(this.descriptor, at, Math.min(COPY_BYTES, this.length - at)), null);
        }
      } catch (error) {
        await truncate(target, size);
        throw error;
      }
    } finally {
      await closeFile(target);
    }
  }

  /** What has come of a part stays. */
  async cancel() {
    // It may have taken the name.
    if (!this.isPart && this.descriptor !== null) await files.unlink(this.temp).catch(() => undefined);
    await this.close();
  }

  async close() {
    const descriptors = [this.descriptor, this.folder];
    this.descriptor = this.folder = null;
    for (const descriptor of descriptors) if (descriptor !== null) await closeFile(descriptor);
  }

  /** At the program's end. */
  drop() {
    if (!this.isPart && this.descriptor !== null) fs.unlinkSync(this.temp);
  }
}

module.exports = { Writing };
