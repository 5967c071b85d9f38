// The files of this guest for the host, by its user's rights. Requests come as lines of JSON on stdin, {"id", "op", ...}, data in them as
// base64, or behind the line if that says "raw", how many bytes. Answers go to stdout in any order: a line of JSON, {"id", "bytes", ...} or
// {"id", "error"}, and so many bytes behind it. Where stdin ends, so does the program, and what was being written is discarded.

const { absolute, described, files, refusal, toBytes } = require("./paths.cjs");
const { Opened, Walk } = require("./reading.cjs");
const { discard, partBytes } = require("./hidden.cjs");
const { makeFolder, makeLink } = require("./making.cjs");
const { Writing } = require("./writing.cjs");
const { move, remove } = require("./changing.cjs");
const { Answers } = require("./answers.cjs");
const { Requests } = require("./requests.cjs");

/** Of all files and walks that are open, so that there are descriptors for the rest. */
const MAX_OPEN = 384;

const opened = new Map();
const answers = new Answers(1, end);
let numbers = 0;

const operations = {
  ping: async () => ({}),
  stat: async ({ path }) => {
    const where = await absolute(toBytes(path));
    return { info: described(where, await files.stat(where, { bigint: true })) };
  },
  open: async ({ path }) => {
    const file = await Opened.from(path);
    return { info: file.info, handle: await keep(file) };
  },
  read: ({ handle, offset, length }) => opened.get(handle).read(offset, length),
  walk: async ({ path, depth, skip }) => ({ handle: await keep(await Walk.from(path, depth, skip)) }),
  next: async ({ handle }) => Buffer.from(JSON.stringify(await opened.get(handle).next())),
  close: async ({ handle }) => await taken(handle).close(),
  write: async (options) => ({ handle: await keep(await Writing.from(options)) }),
  data: async ({ handle, offset, data }) => await opened.get(handle).add(offset, data),
  finish: async ({ handle, isLast }) => ({ info: await taken(handle).finish(isLast) }),
  cancel: async ({ handle }) => await taken(handle).cancel(),
  part: async ({ path, part }) => ({ partBytes: await partBytes(path, part) }),
  discard: async ({ path, token, follow }) => await discard(path, token, follow),
  folder: async ({ path }) => await makeFolder(toBytes(path)),
  link: async ({ path, target }) => await makeLink(path, target),
  remove: async ({ path, withContent }) => await remove(path, withContent),
  move: async ({ source, target, replace }) => await move(source, target, replace),
};

async function keep(what) {
  if (opened.size >= MAX_OPEN) {
    await (what.cancel?.() ?? what.close());
    throw refusal("EMFILE");
  }
  numbers += 1;
  opened.set(numbers, what);
  return numbers;
}

function taken(handle) {
  const what = opened.get(handle);
  opened.delete(handle);
  return what;
}

async function handle({ id, op, ...options }) {
  try {
    const told = await operations[op](options);
    if (Buffer.isBuffer(told)) answer(id, {}, told);
    else answer(id, told ?? {});
  } catch (error) {
    answer(id, { error: typeof error.code === "string" ? error.code : "EIO", ...error.more });
  }
}

function answer(id, told, data = Buffer.alloc(0)) {
  answers.add(Buffer.from(`${JSON.stringify({ id, bytes: data.length, ...told })}\n`), data);
}

function end() {
  for (const what of opened.values()) {
    try {
      what.drop?.();
    } catch {
      // It has gone already.
    }
  }
  process.exit(0);
}

process.umask(0o022);
// What is typed at the program that started this is not for it.
process.on("SIGINT", () => {});
new Requests(process.stdin, handle);
process.stdin.on("end", end);
answer(0, { ready: true });
