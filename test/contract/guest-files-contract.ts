// What files.ts promises of a real guest beyond what a disk in memory can show: what else is there than files, what happens meanwhile, and
// what programs of the guest do to it.

import { expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import { type Files, maxReadBytes, type WriteOptions } from "../../src/sandbox/files.ts";
import { baseName, list, read, refusal, write } from "./files-contract.ts";

export type GuestFilesGround = {
  readonly files: Files;
  /** Runs a line of a shell in the guest, and answers what it printed. Throws if it failed. */
  readonly shell: (line: string) => Promise<string>;
  /** Runs code that is busy, without an end but by the signal; resolves when it has ended. */
  readonly busy: (signal: AbortSignal) => Promise<void>;
  /** A folder in memory that has room for so much and no more. */
  readonly small: string;
  readonly smallMib: number;
  /** Matches the command line of the program that works on files. */
  readonly program: string;
};

export type GuestFilesContract = {
  readonly name: string;
  /** The guest's user may read and write everything. */
  readonly isRoot?: boolean;
  /** A request takes long, so there are fewer. */
  readonly isFar?: boolean;
  readonly ground: () => Promise<GuestFilesGround>;
};

const signal = new AbortController().signal;
const replace: WriteOptions = { mode: "replace", makeFolders: true };
const mebibyte = 1024 * 1024;

export function describeGuestFiles({ name, ground, isRoot = false, isFar = false }: GuestFilesContract): void {
  let count = 0;
  const it = (promise: string, check: (ground: GuestFilesGround, folder: string) => Promise<void>) => {
    count += 1;
    const folder = `guest-files-${count}`;
    test(`${name}: ${promise}`, async () => {
      const there = await ground();
      await there.files.makeFolder(folder, signal);
      await check(there, folder);
      await there.files.remove(folder, { withContent: true }, signal);
    });
  };

  it("devices and sockets are told, and neither read nor written", async ({ files, shell }, folder) => {
    await shell(`python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("${folder}/socket")'`);
    for (const path of ["/dev/zero", "/dev/null", `${folder}/socket`]) {
      expect((await files.stat(path, signal)).kind).toBe("other");
      expect(await files.open(path, signal).catch(refusal)).toBe("special");
      expect(await write(files, path, "x").catch(refusal)).toBe("special");
    }
  });

  it("files that the kernel makes are read to their end, whatever size they say they have", async ({ files }) => {
    expect((await files.stat("/proc/meminfo", signal)).sizeBytes).toBe(0);
    expect(await read(files, "/proc/meminfo")).toContain("MemTotal:");
    expect(await read(files, "/proc/self/status")).toContain("Uid:");
  });

  it("a place that is read-only, and what the user may not have, if there is such, are told", async ({
    files,
    shell,
  }, folder) => {
    expect(await write(files, "/usr/made", "x").catch(refusal)).toBe("read_only");
    expect(await files.makeFolder("/usr/made", signal).catch(refusal)).toBe("read_only");
    expect(await files.remove("/usr/bin/env", { withContent: false }, signal).catch(refusal)).toBe("read_only");
    if (isRoot) return;
    await shell(`cd ${folder} && echo x > locked && chmod 0 locked && mkdir closed && chmod 0 closed`);
    expect(await files.open(`${folder}/locked`, signal).catch(refusal)).toBe("not_permitted");
    expect(await write(files, `${folder}/locked`, "y").catch(refusal)).toBe("not_permitted");
    expect(await write(files, `${folder}/closed/x`, "y").catch(refusal)).toBe("not_permitted");
    expect((await list(files, folder, 2)).map(baseName)).toEqual(["closed", "locked"]);
    await shell(`chmod 700 ${folder}/closed`);
  });

  it("of a file with holes, 2 GB long, any range is read", async ({ files, shell }, folder) => {
    await shell(`truncate -s 2G ${folder}/holes && printf end >> ${folder}/holes`);
    await using file = await files.open(`${folder}/holes`, signal);
    expect(file.info.sizeBytes).toBe(2 ** 31 + 3);
    const tail = await file.read(2 ** 31 - 2, maxReadBytes);
    expect([...tail]).toEqual([0, 0, ...Buffer.from("end")]);
  });

  it("a file that grows or shrinks while it is read tells what is there", async ({ files, shell }, folder) => {
    await write(files, `${folder}/x`, "one");
    await using file = await files.open(`${folder}/x`, signal);
    await shell(`printf two >> ${folder}/x`);
    expect(Buffer.from(await file.read(0, 100)).toString()).toBe("onetwo");
    await shell(`truncate -s 1 ${folder}/x`);
    expect(Buffer.from(await file.read(0, 100)).toString()).toBe("o");
    expect((await file.read(1, 100)).length).toBe(0);
  });

  it("where no room is left, a write is refused and leaves what was there", async ({ files, small, smallMib }) => {
    const piece = new Uint8Array((smallMib * mebibyte) / 32);
    const path = `${small}/file`;
    await write(files, path, "old");
    const much = async function* () {
      for (let index = 0; index < 40; index++) yield piece;
    };
    for (const mode of ["replace", "append"] as const) {
      const options: WriteOptions = { mode, makeFolders: false };
      expect(await files.write(path, much(), options, signal).catch(refusal)).toBe("no_space");
    }
    // It fits beside the file, but not into it as well.
    const half = async function* () {
      for (let index = 0; index < 18; index++) yield piece;
    };
    const append: WriteOptions = { mode: "append", makeFolders: false };
    expect(await files.write(path, half(), append, signal).catch(refusal)).toBe("no_space");
    expect(await read(files, path)).toBe("old");
    expect((await list(files, small, 1)).map(baseName)).toEqual(["file"]);
    await files.remove(path, { withContent: false }, signal);
  });

  it("files are moved to another file system, links and permissions with them", async ({
    files,
    small,
    shell,
  }, folder) => {
    await shell(`cd ${folder} && mkdir -p d/e && echo x > d/e/x && chmod 700 d/e/x && ln -s nowhere d/link`);
    await files.move(`${folder}/d`, `${small}/d`, { replace: false }, signal);
    const found = await list(files, `${small}/d`, 3);
    expect(found.map(({ kind, permissions }) => [kind, kind === "link" ? null : permissions])).toEqual([
      ["folder", 0o755],
      ["file", 0o700],
      ["link", null],
    ]);
    await files.move(`${small}/d/e/x`, `${folder}/x`, { replace: false }, signal);
    expect(await read(files, `${folder}/x`)).toBe("x\n");
    expect(await files.move(`${small}/d/e`, `${folder}/x`, { replace: false }, signal).catch(refusal)).toBe("exists");
    await files.remove(`${small}/d`, { withContent: true }, signal);
    expect((await list(files, folder, 1)).map(baseName)).toEqual(["x"]);
  });

  it("files are there while code is busy, and after it has been ended by force", async ({
    files,
    busy,
    shell,
    program,
  }, folder) => {
    await write(files, `${folder}/x`, "x");
    const end = new AbortController();
    const run = busy(end.signal);
    // Started while the code is on, it is not the code's.
    await shell(`pkill -KILL -f '${program}'`);
    expect(await read(files, `${folder}/x`)).toBe("x");
    const before = await shell(`pgrep -f '${program}'`);
    end.abort();
    await run;
    expect(await read(files, `${folder}/x`)).toBe("x");
    expect(await shell(`pgrep -f '${program}'`)).toBe(before);
  });

  it("a program that was killed is started again, and what it was doing is told or repeated", async ({
    files,
    shell,
    program,
  }, folder) => {
    await write(files, `${folder}/x`, "old");
    await using file = await files.open(`${folder}/x`, signal);
    const held = Promise.withResolvers<void>();
    const content = async function* () {
      yield new Uint8Array(mebibyte);
      expect((await list(files, folder, 1)).length).toBe(2);
      await shell(`pkill -KILL -f '${program}'`);
      held.resolve();
      yield new Uint8Array(mebibyte);
    };
    const failed = await files.write(`${folder}/x`, content(), replace, signal).catch((error: unknown) => error);
    await held.promise;
    expect(failed).toBeInstanceOf(Failure);
    expect(failed instanceof Failure && failed.kind).toBe("code_execution");
    expect((await list(files, folder, 1)).map(baseName)).toEqual(["x"]);
    expect(Buffer.from(await file.read(0, 10)).toString()).toBe("old");
    await shell(`pkill -KILL -f '${program}'`);
    await shell(`mv ${folder}/x ${folder}/y && echo new > ${folder}/x`);
    // Under the name is another file by now, and the opened one has gone with the program.
    expect(await file.read(0, 10).catch(refusal)).toBe("code_execution");
  });

  const many = isFar ? 2000 : 20_000;
  it(`${many} files are walked through in the order of their names`, async ({ files, shell }, folder) => {
    await shell(`cd ${folder} && seq -f %05g ${many} | xargs touch`);
    let number = 0;
    let previous = "";
    for await (const { path } of files.walk(folder, { depth: 1 }, signal)) {
      number++;
      if (path <= previous) throw new Error(`${path} comes after ${previous}`);
      previous = path;
    }
    expect(number).toBe(many);
  });

  it("a walk that is left early or aborted holds nothing", async ({ files, shell }, folder) => {
    await shell(`touch ${folder}/a ${folder}/b`);
    for (let round = 0; round < (isFar ? 4 : 400); round++) {
      for await (const _ of files.walk(folder, { depth: 1 }, signal)) break;
    }
    const abort = new AbortController();
    const walked = (async () => {
      for await (const _ of files.walk(folder, { depth: 1 }, abort.signal)) abort.abort(new Error("enough"));
    })();
    await expect(walked).rejects.toThrow("enough");
  });
}
