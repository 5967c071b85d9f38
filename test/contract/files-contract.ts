// What files.ts promises, over whatever keeps it: each place brings a sandbox's files and a way to make what Files cannot make.

import { expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import {
  type FileInfo,
  type FileRefusal,
  type Files,
  maxReadBytes,
  type WriteOptions,
} from "../../src/sandbox/files.ts";

export type FilesGround = {
  readonly files: Files;
  readonly home: string;
  /** Makes a link in the guest. */
  readonly link: (path: string, target: string) => Promise<void>;
  /** Makes a FIFO, or whatever else is no file, in the guest. */
  readonly special: (path: string) => Promise<void>;
};

export type FilesContract = {
  readonly name: string;
  /** The same for all tests of the suite: each works in a folder of its own. */
  readonly ground: () => Promise<FilesGround>;
};

const signal = new AbortController().signal;
const replace: WriteOptions = { mode: "replace", makeFolders: true };
const encoder = new TextEncoder();

export function describeFiles({ name, ground }: FilesContract): void {
  let count = 0;
  /** Each test has a folder of its own, relative to the home. */
  const it = (promise: string, check: (ground: FilesGround, folder: string) => Promise<void>) => {
    count += 1;
    const folder = `files-contract-${count}`;
    test(`${name}: ${promise}`, async () => {
      const there = await ground();
      await there.files.makeFolder(folder, signal);
      await check(there, folder);
    });
  };

  it("what was written is read as it was, with what stat says of it", async ({ files, home }, folder) => {
    const info = await write(files, `${folder}/a.txt`, "hello\n");
    expect(info).toMatchObject({ path: `${home}/${folder}/a.txt`, kind: "file", sizeBytes: 6, permissions: 0o644 });
    expect(await files.stat(`${folder}/./x/../a.txt`, signal).catch(refusal)).toBe("file_not_found");
    expect(await files.stat(`${folder}/./a.txt`, signal)).toEqual(info);
    expect(await read(files, `${folder}/a.txt`)).toBe("hello\n");
  });

  it("names of every kind are names", async ({ files }, folder) => {
    const names = [
      "a b",
      "line\nbreak",
      "q\"uo'te",
      "-rf",
      "*?[x]",
      "\\n",
      "é😀",
      "\udcff\udc80x",
      "\udcc3(",
      ".hidden",
      "x".repeat(255),
    ];
    for (const name of names) await write(files, `${folder}/${name}`, name);
    const found = await list(files, folder, 1);
    expect(found.map(baseName).sort()).toEqual([...names].sort());
    for (const name of names)
      expect(await read(files, `${folder}/${name}`)).toBe(new TextDecoder().decode(encoder.encode(name)));
    for (const { path } of found) await files.remove(path, { withContent: false }, signal);
    expect(await list(files, folder, 1)).toEqual([]);
  });

  it("a path that cannot be one is refused", async ({ files }, folder) => {
    for (const path of ["", "a\0b", "\ud800", `${folder}/\udbffx`]) {
      expect(await files.stat(path, signal).catch(refusal)).toBe("invalid_path");
    }
    expect(await write(files, `${folder}/${"x".repeat(256)}`, "").catch(refusal)).toBe("name_too_long");
    expect(await files.stat(`${folder}${"/x".repeat(3000)}`, signal).catch(refusal)).toBe("name_too_long");
  });

  it("what is not there is not found, and what is in the way is told", async ({ files, special }, folder) => {
    expect(await files.stat(`${folder}/none`, signal).catch(refusal)).toBe("file_not_found");
    expect(await files.open(`${folder}/none`, signal).catch(refusal)).toBe("file_not_found");
    expect(await list(files, `${folder}/none`, 1).catch(refusal)).toBe("file_not_found");
    expect(await files.remove(`${folder}/none`, { withContent: true }, signal).catch(refusal)).toBe("file_not_found");
    const options: WriteOptions = { mode: "new", makeFolders: false };
    expect(await write(files, `${folder}/none/x`, "", options).catch(refusal)).toBe("file_not_found");
    expect(await files.open(folder, signal).catch(refusal)).toBe("is_folder");
    expect(await write(files, folder, "x").catch(refusal)).toBe("is_folder");
    await write(files, `${folder}/file`, "x");
    expect(await write(files, `${folder}/file`, "y", options).catch(refusal)).toBe("exists");
    expect(await list(files, `${folder}/file`, 1).catch(refusal)).toBe("not_folder");
    expect(await files.stat(`${folder}/file/x`, signal).catch(refusal)).toBe("not_folder");
    expect(await files.makeFolder(`${folder}/file`, signal).catch(refusal)).toBe("exists");
    expect(await files.makeFolder(`${folder}/file/x`, signal).catch(refusal)).toBe("not_folder");
    expect(await files.remove(folder, { withContent: false }, signal).catch(refusal)).toBe("not_empty");
    await special(`${folder}/fifo`);
    expect((await files.stat(`${folder}/fifo`, signal)).kind).toBe("other");
    expect(await files.open(`${folder}/fifo`, signal).catch(refusal)).toBe("special");
    expect(await write(files, `${folder}/fifo`, "x").catch(refusal)).toBe("special");
    expect(await write(files, `${folder}/fifo`, "x", { ...replace, mode: "append" }).catch(refusal)).toBe("special");
    await files.remove(`${folder}/fifo`, { withContent: false }, signal);
  });

  it("ranges are read as they are, and nothing behind the end", async ({ files }, folder) => {
    const bytes = numbered(maxReadBytes + 1000);
    await write(files, `${folder}/x`, bytes);
    await using file = await files.open(`${folder}/x`, signal);
    const [all, middle, tail, behind] = await Promise.all([
      file.read(0, 10 * maxReadBytes),
      file.read(1000, 5),
      file.read(maxReadBytes, maxReadBytes),
      file.read(bytes.length + 5, 10),
    ]);
    expect(Buffer.compare(all, bytes.subarray(0, maxReadBytes))).toBe(0);
    expect(Buffer.compare(middle, bytes.subarray(1000, 1005))).toBe(0);
    expect(tail.length).toBe(1000);
    expect(behind.length).toBe(0);
  });

  it("an opened file stays itself, whatever becomes of its name", async ({ files }, folder) => {
    await write(files, `${folder}/x`, "one");
    await using file = await files.open(`${folder}/x`, signal);
    await write(files, `${folder}/x`, "two!");
    expect(text(await file.read(0, 100))).toBe("one");
    await files.remove(`${folder}/x`, { withContent: false }, signal);
    expect(text(await file.read(0, 100))).toBe("one");
  });

  it("a file gives way at once, keeps its permissions, and has another version", async ({ files }, folder) => {
    const before = await write(files, `${folder}/x`, "one", { ...replace, permissions: 0o700 });
    expect(before.permissions).toBe(0o700);
    const after = await write(files, `${folder}/x`, "two", { ...replace, permissions: 0o600 });
    expect(after.permissions).toBe(0o700);
    expect(after.version).not.toBe(before.version);
    expect(after.version).toMatch(/^[A-Za-z0-9.-]+$/);
    expect(await read(files, `${folder}/x`)).toBe("two");
  });

  it("an append adds to what is there, or makes it", async ({ files }, folder) => {
    const append: WriteOptions = { mode: "append", makeFolders: false };
    await write(files, `${folder}/log`, "one\n", append);
    const info = await write(files, `${folder}/log`, "two\n", append);
    expect(info.sizeBytes).toBe(8);
    expect(await read(files, `${folder}/log`)).toBe("one\ntwo\n");
  });

  it("content that breaks off leaves what was there, and nothing beside it", async ({ files }, folder) => {
    await write(files, `${folder}/x`, "old");
    const broken = async function* () {
      yield encoder.encode("half");
      throw new Error("the caller went away");
    };
    for (const mode of ["replace", "append"] as const) {
      const options: WriteOptions = { mode, makeFolders: false };
      await expect(files.write(`${folder}/x`, broken(), options, signal)).rejects.toThrow("the caller went away");
      await expect(files.write(`${folder}/y`, broken(), options, signal)).rejects.toThrow("the caller went away");
    }
    await expect(files.write(`${folder}/y`, broken(), { mode: "new", makeFolders: false }, signal)).rejects.toThrow();
    expect(await read(files, `${folder}/x`)).toBe("old");
    expect((await list(files, folder, 1)).map(baseName)).toEqual(["x"]);
  });

  it("a write that is aborted leaves what was there, and rejects with the reason", async ({ files }, folder) => {
    await write(files, `${folder}/x`, "old");
    const abort = new AbortController();
    const endless = async function* () {
      yield encoder.encode("half");
      abort.abort(new Error("enough"));
      await new Promise(() => undefined);
    };
    await expect(files.write(`${folder}/x`, endless(), replace, abort.signal)).rejects.toThrow("enough");
    expect(await read(files, `${folder}/x`)).toBe("old");
    expect((await list(files, folder, 1)).map(baseName)).toEqual(["x"]);
    await expect(files.stat(folder, AbortSignal.abort(new Error("never mind")))).rejects.toThrow("never mind");
  });

  it("a file is replaced only if it is still the one that was read, where that is asked for", async ({
    files,
  }, folder) => {
    const path = `${folder}/a.txt`;
    const first = await write(files, path, "first");
    const second = await write(files, path, "second", { ...replace, ifVersion: first.version });
    expect(await write(files, path, "lost", { ...replace, ifVersion: first.version }).catch(refusal)).toBe("changed");
    expect(await read(files, path)).toBe("second");
    const changing = async function* () {
      yield encoder.encode("lo");
      await write(files, path, "third");
      yield encoder.encode("st");
    };
    const meanwhile = files.write(path, changing(), { ...replace, ifVersion: second.version }, signal);
    expect(await meanwhile.then(() => "written", refusal)).toBe("changed");
    expect(await read(files, path)).toBe("third");
    const { version } = await files.stat(path, signal);
    await files.remove(path, { withContent: false }, signal);
    expect(await write(files, path, "lost", { ...replace, ifVersion: version }).catch(refusal)).toBe("changed");
    expect(await list(files, folder, 1)).toEqual([]);
  });

  it("a write in parts is whole with its last, and goes on where it broke off", async ({ files }, folder) => {
    const part = (offset: number, isLast: boolean): WriteOptions => ({
      ...replace,
      part: { id: "a1", offset, isLast },
    });
    const path = `${folder}/deep/x`;
    expect(await files.partBytes(path, "a1", signal)).toBeNull();
    await write(files, path, "0123456789", part(0, false));
    expect(await files.partBytes(path, "a1", signal)).toBe(10);
    expect(await files.partBytes(path, "b2", signal)).toBeNull();
    expect(await files.stat(path, signal).catch(refusal)).toBe("file_not_found");
    expect(await write(files, path, "x", part(11, true)).catch(refusal)).toBe("part_mismatch");
    const broken = async function* () {
      yield encoder.encode("abc");
      throw new Error("gone");
    };
    await expect(files.write(path, broken(), part(8, false), signal)).rejects.toThrow("gone");
    expect(await files.partBytes(path, "a1", signal)).toBe(11);
    const info = await write(files, path, "!", part(9, true));
    expect(info.sizeBytes).toBe(10);
    expect(await read(files, path)).toBe("01234567a!");
    expect(await files.partBytes(path, "a1", signal)).toBeNull();
    expect((await list(files, `${folder}/deep`, 1)).map(baseName)).toEqual(["x"]);
  });

  it("a walk tells each folder before what is in it, as deep as asked, and not what is to be skipped", async ({
    files,
    link,
  }, folder) => {
    for (const path of ["b/c/d", "b/a", "a!", "a/z", "node_modules/x/y", "é"])
      await write(files, `${folder}/${path}`, "x");
    await link(`${folder}/loop`, ".");
    const names = async (depth: number) =>
      (await list(files, folder, depth, ["node_modules"])).map(({ path }) =>
        path.slice(path.indexOf(folder) + folder.length + 1),
      );
    expect(await names(1)).toEqual(["a", "a!", "b", "loop", "node_modules", "é"]);
    expect(await names(32)).toEqual(["a", "a/z", "a!", "b", "b/a", "b/c", "b/c/d", "loop", "node_modules", "é"]);
  });

  it("a link is followed, told as named, and removed itself", async ({ files, home, link }, folder) => {
    await write(files, `${folder}/real/x`, "one");
    await link(`${folder}/to-file`, "real/x");
    await link(`${folder}/to-folder`, `${home}/${folder}/real`);
    await link(`${folder}/dangling`, "nowhere");
    await link(`${folder}/loop-a`, "loop-b");
    await link(`${folder}/loop-b`, "loop-a");
    expect(await files.stat(`${folder}/to-file`, signal)).toMatchObject({
      path: `${home}/${folder}/to-file`,
      kind: "file",
    });
    await write(files, `${folder}/to-file`, "two");
    expect(await read(files, `${folder}/real/x`)).toBe("two");
    await write(files, `${folder}/to-folder/y`, "three");
    expect(await read(files, `${folder}/real/y`)).toBe("three");
    expect(await files.stat(`${folder}/dangling`, signal).catch(refusal)).toBe("file_not_found");
    expect(await files.stat(`${folder}/loop-a`, signal).catch(refusal)).toBe("too_many_links");
    await write(files, `${folder}/dangling`, "made");
    expect(await read(files, `${folder}/nowhere`)).toBe("made");
    const links = (await list(files, folder, 1)).filter(({ kind }) => kind === "link");
    expect(links.map(({ target }) => target)).toEqual([
      "nowhere",
      "loop-b",
      "loop-a",
      "real/x",
      `${home}/${folder}/real`,
    ]);
    await files.remove(`${folder}/to-folder`, { withContent: true }, signal);
    expect(await read(files, `${folder}/real/x`)).toBe("two");
    expect(await write(files, `${folder}/loop-a`, "x", { ...replace, mode: "new" }).catch(refusal)).toBe("exists");
  });

  it("a link is made as it is said, over nothing that is there", async ({ files }, folder) => {
    await write(files, `${folder}/x`, "x");
    const makeLink = (name: string, target: string) => files.makeLink(`${folder}/${name}`, target, signal);
    await makeLink("to-x", "./x");
    await makeLink("dangling", "no\udcff/../where");
    expect(await read(files, `${folder}/to-x`)).toBe("x");
    const made = (await list(files, folder, 1)).filter(({ kind }) => kind === "link");
    expect(made.map(({ target }) => target)).toEqual(["no\udcff/../where", "./x"]);
    for (const name of ["x", "to-x", "dangling"]) expect(await makeLink(name, "x").catch(refusal)).toBe("exists");
    expect(await makeLink("none/l", "x").catch(refusal)).toBe("file_not_found");
    expect(await makeLink("l", "a\0b").catch(refusal)).toBe("invalid_path");
  });

  it("a move keeps what is there unless it is to be replaced", async ({ files }, folder) => {
    await write(files, `${folder}/a`, "a");
    await write(files, `${folder}/b`, "b");
    await write(files, `${folder}/d/x`, "x");
    const move = (from: string, to: string, replace: boolean) =>
      files.move(`${folder}/${from}`, `${folder}/${to}`, { replace }, signal);
    expect(await move("a", "b", false).catch(refusal)).toBe("exists");
    await move("a", "b", true);
    expect(await read(files, `${folder}/b`)).toBe("a");
    expect(await move("none", "c", false).catch(refusal)).toBe("file_not_found");
    expect(await move("b", "none/c", false).catch(refusal)).toBe("file_not_found");
    expect(await move("d", "d/e", false).catch(refusal)).toBe("other");
    expect(await move("b", "d", true).catch(refusal)).toBe("is_folder");
    await move("d", "e", false);
    expect(await read(files, `${folder}/e/x`)).toBe("x");
    await move("b", "b", false).catch(refusal);
    expect(await read(files, `${folder}/b`)).toBe("a");
    await files.remove(folder, { withContent: true }, signal);
    expect(await files.stat(folder, signal).catch(refusal)).toBe("file_not_found");
  });

  it("of writes to one name at once, one wins whole", async ({ files }, folder) => {
    const contents = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(300_000));
    await Promise.all(contents.map((content) => write(files, `${folder}/x`, content)));
    expect(contents).toContain(await read(files, `${folder}/x`));
    const made = await Promise.allSettled(
      contents.map((content) => write(files, `${folder}/new`, content, { mode: "new", makeFolders: false })),
    );
    expect(made.filter(({ status }) => status === "fulfilled").length).toBe(1);
    expect(contents).toContain(await read(files, `${folder}/new`));
    expect((await list(files, folder, 1)).length).toBe(2);
  });
}

export async function write(
  files: Files,
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = replace,
): Promise<FileInfo> {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
  };
  return await files.write(path, pieces(), options, signal);
}

export async function read(files: Files, path: string): Promise<string> {
  await using file = await files.open(path, signal);
  const pieces: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const piece = await file.read(at, maxReadBytes);
    if (piece.length === 0) return text(Buffer.concat(pieces));
    pieces.push(piece);
    at += piece.length;
  }
}

export async function list(
  files: Files,
  path: string,
  depth: number,
  skip: readonly string[] = [],
): Promise<readonly FileInfo[]> {
  return await Array.fromAsync(files.walk(path, { depth, skip }, signal));
}

/** The reason of a refusal; to be given to `catch`. */
export function refusal(error: unknown): FileRefusal | string {
  if (!(error instanceof Failure)) throw error;
  const { reason } = error.context;
  return typeof reason === "string" ? reason : error.kind;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function baseName({ path }: FileInfo): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
}
