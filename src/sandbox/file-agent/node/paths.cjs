// Paths as the host says them and as the system has them, and what is told of what is there.

const fs = require("node:fs");
const files = require("node:fs/promises");

const { constants } = fs;
const HOME = Buffer.from(process.env.HOME || process.cwd());
const SLASH = 47;
/** As many links as Linux follows. */
const MAX_LINKS = 40;
/** A byte that is no part of UTF-8 is the code point that is so much more. */
const ESCAPED = 0xdc00;

/** An error by its name, of ours or as the system would say it; `more` goes into the answer. */
function refusal(code, more = {}) {
  return Object.assign(new Error(code), { code, more });
}

function toBytes(path) {
  const pieces = path.split(/([\udc80-\udcff]+)/u);
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 0 ? Buffer.from(piece) : Buffer.from([...piece].map((one) => one.charCodeAt(0) - ESCAPED)),
    ),
  );
}

function toText(bytes) {
  const text = bytes.toString();
  if (!text.includes("\ufffd")) return text;
  let path = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(bytes, at);
    path += length === 0 ? String.fromCharCode(ESCAPED + bytes[at]) : bytes.toString("utf8", at, at + length);
    at += Math.max(length, 1);
  }
  return path;
}

/** How long the character of UTF-8 there is; 0 if there is none. */
function characterBytes(bytes, at) {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    const piece = bytes.subarray(at, at + length);
    const text = piece.toString();
    if ([...text].length === 1 && Buffer.from(text).equals(piece)) return length;
  }
  return 0;
}

function join(folder, name) {
  if (name[0] === SLASH) return name;
  return folder.at(-1) === SLASH ? Buffer.concat([folder, name]) : Buffer.concat([folder, Buffer.from("/"), name]);
}

function dirname(path) {
  const end = path.lastIndexOf(SLASH);
  if (end === -1) return Buffer.from(".");
  return end === 0 ? Buffer.from("/") : path.subarray(0, end);
}

function basename(path) {
  return path.subarray(path.lastIndexOf(SLASH) + 1);
}

/** Without "." and "..", which leads where the system would: up from where a link has led. */
async function absolute(path) {
  let names = [];
  const whole = () => Buffer.from(`/${names.join("/")}`, "latin1");
  const split = (bytes) =>
    bytes
      .toString("latin1")
      .split("/")
      .filter((name) => name !== "" && name !== ".");
  for (const name of split(join(HOME, path))) {
    if (name !== "..") {
      names.push(name);
      continue;
    }
    if ((await files.lstat(whole())).isSymbolicLink()) names = split(await files.realpath(whole(), "buffer"));
    if (!(await files.stat(whole())).isDirectory()) throw refusal("ENOTDIR");
    names.pop();
  }
  return whole();
}

/** Where the links at a path's end lead, also to what is not there yet. */
async function targetOf(path) {
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      at = join(dirname(at), await files.readlink(at, "buffer"));
    } catch (error) {
      if (error.code === "ENOENT" || error.code === "EINVAL") return at;
      throw error;
    }
  }
  throw refusal("ELOOP");
}

function kindOf(mode) {
  const kind = Number(mode) & constants.S_IFMT;
  if (kind === constants.S_IFREG) return "file";
  if (kind === constants.S_IFDIR) return "folder";
  return kind === constants.S_IFLNK ? "link" : "other";
}

/** `found` with big integers. */
function versionOf(found) {
  return [found.ino, found.size, found.mtimeNs, found.ctimeNs].map((one) => one.toString(16)).join("-");
}

/** The same. */
function described(path, found, link) {
  const kind = kindOf(found.mode);
  return {
    path: toText(path),
    kind,
    sizeBytes: kind === "file" || kind === "link" ? Number(found.size) : 0,
    modifiedMs: Number(found.mtimeMs),
    permissions: Number(found.mode) & 0o7777,
    version: versionOf(found),
    target: link === undefined ? undefined : toText(link),
  };
}

module.exports = {
  absolute,
  basename,
  constants,
  described,
  dirname,
  files,
  fs,
  join,
  kindOf,
  refusal,
  targetOf,
  toBytes,
  toText,
  versionOf,
};
