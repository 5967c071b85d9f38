// Files for what is not shown, or not in full: in ~/displays, under names that are not taken.

const { closeSync, join, mkdirSync, node, openSync, unlinkSync, writeSync } = require("../references.cjs");
const { toBytes } = require("../output.cjs");

const ENDINGS = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/svg+xml": "svg",
  "text/html": "html",
  "text/markdown": "md",
  "text/latex": "tex",
  "text/plain": "txt",
  "application/javascript": "js",
  "application/pdf": "pdf",
};

/** By stem, the number of the last file. */
const numbers = new Map();

/** `content`: bytes or text. The path of a new file that has it, or why there is none. */
function save(content, stem, mediaType) {
  const ending = ENDINGS[mediaType] ?? (mediaType.endsWith("json") ? "json" : "bin");
  let made = null;
  try {
    const folder = join(node.load("node:os").homedir(), "displays");
    mkdirSync(folder, { recursive: true });
    made = openNew(folder, stem, ending);
    writeFile(made.fd, toBytes(content));
    return { path: made.path };
  } catch (error) {
    if (made !== null) unlinkSync(made.path);
    return { problem: error?.code ?? "no file could be made" };
  } finally {
    if (made !== null) closeSync(made.fd);
  }
}

function openNew(folder, stem, ending) {
  for (;;) {
    const number = (numbers.get(stem) ?? 0) + 1;
    numbers.set(stem, number);
    const path = join(folder, `${stem}-${number}.${ending}`);
    try {
      return { path, fd: openSync(path, "wx", 0o644) };
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
}

function writeFile(fd, bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

module.exports = { save };
