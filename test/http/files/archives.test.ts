import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTarPacker } from "modern-tar";
import { ZipFile } from "yazl";
import { Failure } from "../../../src/failure.ts";
import { fileFailure } from "../../../src/sandbox/file-failures.ts";
import { namesIn, put, refusalOf, serveFiles, textOf } from "./served.ts";

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "msb-mcp-archives-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const tree = { "a.txt": "a", "b/c.txt": "c".repeat(700_000), "b/ü n\ni": "name" };

async function serveTree() {
  const served = await serveFiles();
  for (const [name, content] of Object.entries(tree)) await put(served.files, `tree/${name}`, content);
  return served;
}

/** What a real tool finds in it. */
async function unpackedBy(command: readonly string[], name: string, bytes: ArrayBuffer) {
  const folder = await mkdtemp(join(scratch, "out-"));
  await Bun.write(join(folder, name), bytes);
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return async (path: string) => await Bun.file(join(folder, path)).text();
}

test("a folder comes as .tar.gz that tar unpacks", async () => {
  await using served = await serveTree();
  const response = await fetch(await served.link("tree", "download"));
  expect(response.headers.get("content-type")).toBe("application/gzip");
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="tree.tar.gz"');
  const read = await unpackedBy(["tar", "-xzf", "tree.tar.gz"], "tree.tar.gz", await response.arrayBuffer());
  for (const [name, content] of Object.entries(tree)) expect(await read(name)).toBe(content);
});

test("a folder comes as .zip that Python's zipfile unpacks", async () => {
  await using served = await serveTree();
  const response = await fetch(await served.link("tree", "download", { format: "zip" }));
  expect(response.headers.get("content-type")).toBe("application/zip");
  const read = await unpackedBy(
    ["python3", "-m", "zipfile", "-e", "tree.zip", "."],
    "tree.zip",
    await response.arrayBuffer(),
  );
  for (const [name, content] of Object.entries(tree)) expect(await read(name)).toBe(content);
});

for (const [format, unpack] of [
  ["tar.gz", ["tar", "-xzf", "in"]],
  ["zip", ["python3", "-m", "zipfile", "-e", "in", "."]],
] as const) {
  test(`what cannot be read is told in a .${format}, and all else is in it`, async () => {
    await using served = await serveTree();
    const large = "x".repeat(700_000);
    for (const name of ["damaged", "unsized", "short", "broken"]) await put(served.files, `tree/${name}`, large);
    const { open } = served.files;
    served.files.open = async (path, signal) => {
      const file = await open.call(served.files, path, signal);
      const name = path.slice(path.lastIndexOf("/") + 1);
      const sizeBytes = { unsized: 0, short: 4096 }[name] ?? file.info.sizeBytes;
      const read = async (offset: number, length: number) => {
        if (name === "damaged" || (name === "broken" && offset > 0)) throw fileFailure("EIO", path);
        return await file.read(offset, name === "short" ? Math.min(length, 3) : length);
      };
      return { ...file, info: { ...file.info, sizeBytes }, read };
    };
    const response = await fetch(await served.link("tree", "download", { format }));
    const read = await unpackedBy(unpack, "in", await response.arrayBuffer());
    for (const [name, content] of Object.entries(tree)) expect(await read(name)).toBe(content);
    expect(await read("short")).toBe("xxx");
    const whole = 256 * 1024;
    expect(await read("broken")).toBe(large.slice(0, whole) + "\0".repeat(large.length - whole));
    const eio = "could not be used: the sandbox's system says EIO.";
    expect((await read("_left_out_of_this_archive.txt")).split("\n")).toEqual([
      `broken: its bytes from ${whole} on, which are zeros here: "/home/user/tree/broken" ${eio}`,
      `damaged: "/home/user/tree/damaged" ${eio}`,
      "unsized: it does not tell its size",
      "",
    ]);
  });
}

test.each(["tar.gz", "zip"])("a .%s whose sandbox is lost breaks off, before its first byte too", async (format) => {
  await using served = await serveTree();
  for (const lostAt of [0, 400_000]) {
    const { open } = served.files;
    served.files.open = async (path, signal) => {
      const file = await open.call(served.files, path, signal);
      const read = async (offset: number, length: number) => {
        if (offset >= lostAt) throw new Failure("code_execution", "The sandbox is lost.");
        return await file.read(offset, length);
      };
      return { ...file, read };
    };
    const download = fetch(await served.link("tree", "download", { format })).then((response) => response.bytes());
    await expect(download).rejects.toThrow("closed");
    served.files.open = open;
  }
});

test("an archive of all files has none of those in which the system tells of itself", async () => {
  await using served = await serveFiles();
  for (const path of ["/proc/1/status", "/sys/x", "/proc-not/x", "proc/x"]) await put(served.files, path, "x");
  const response = await fetch(await served.link("/", "download"));
  const folder = await mkdtemp(join(scratch, "all-"));
  await Bun.write(join(folder, "all.tar.gz"), await response.arrayBuffer());
  const { stdout } = Bun.spawnSync(["tar", "-tzf", join(folder, "all.tar.gz")]);
  const names = stdout.toString().split("\n");
  expect(names).toContain("proc-not/x");
  expect(names).toContain("home/user/proc/x");
  expect(names.filter((name) => /^(?:proc|sys|dev)(?:\/|$)/.test(name))).toEqual([]);
  const read = await unpackedBy(["tar", "-xzf", "in"], "in", await Bun.file(join(folder, "all.tar.gz")).arrayBuffer());
  expect(await read("_left_out_of_this_archive.txt")).toContain("proc: it is the system's\n");
});

test("a file is not sent where an archive is asked for", async () => {
  await using served = await serveTree();
  expect(await refusalOf(await fetch(`${served.named}/tree/a.txt?format=zip`))).toBe("409 not_folder");
});

test("an archive on its way tells a page nothing, and goes with no range", async () => {
  await using served = await serveTree();
  const response = await fetch(`${served.named}/tree`, { headers: { Accept: "application/zip", Range: "bytes=0-9" } });
  expect([response.status, response.headers.get("accept-ranges")]).toEqual([200, "none"]);
  await response.body?.cancel();
});

type TarEntry = Parameters<ReturnType<typeof createTarPacker>["controller"]["add"]>[0] & { readonly body?: string };

async function tarOf(entries: readonly TarEntry[]): Promise<ArrayBuffer> {
  const { readable, controller } = createTarPacker();
  const packed = new Response(readable.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  for (const { body, ...header } of entries) {
    const writer = controller.add(header).getWriter();
    if (body !== undefined) await writer.write(Buffer.from(body));
    await writer.close();
  }
  controller.finalize();
  return await packed;
}

function file(name: string, body: string): TarEntry {
  return { name, size: Buffer.byteLength(body), type: "file", body };
}

type ZipEntry = { readonly name: string; readonly body: string; readonly mode?: number; readonly compress?: boolean };

async function zipOf(entries: readonly ZipEntry[]): Promise<ArrayBuffer> {
  const zip = new ZipFile();
  for (const { name, body, mode, compress = true } of entries) {
    // yazl itself refuses names that leave: put in afterwards, of the same length.
    const safe = name.replaceAll("..", "__").replace(/^\//, "_");
    zip.addBuffer(Buffer.from(body), safe, { compress, ...(mode !== undefined && { mode }) });
  }
  zip.end();
  let bytes = Buffer.from(await new Response(zip.outputStream as unknown as ReadableStream).arrayBuffer()).toString(
    "latin1",
  );
  for (const { name } of entries) {
    bytes = bytes.replaceAll(name.replaceAll("..", "__").replace(/^\//, "_"), name);
  }
  return new Uint8Array(Buffer.from(bytes, "latin1")).buffer;
}

for (const format of ["tar.gz", "zip"] as const) {
  const archive = (entries: readonly ZipEntry[]) =>
    format === "zip" ? zipOf(entries) : tarOf(entries.map(({ name, body }) => file(name, body)));

  describe(`.${format}`, () => {
    test("an archive is unpacked into a folder that is not there, all at once", async () => {
      await using served = await serveFiles();
      const body = await archive([
        { name: "a.txt", body: "a" },
        { name: "b/c/d.txt", body: "d" },
      ]);
      const url = await served.link("in/new", "upload", { format });
      const response = await fetch(url, { method: "PUT", body });
      expect(await response.json()).toMatchObject({ files: 2, bytes: 2 });
      expect(await textOf(served.files, "in/new/b/c/d.txt")).toBe("d");
      expect((await namesIn(served.files, "in")).filter((name) => name.includes(".msb-mcp"))).toEqual([]);
    });

    test("into a folder that is there it adds files and replaces those of the same names", async () => {
      await using served = await serveTree();
      const body = await archive([
        { name: "a.txt", body: "new" },
        { name: "b/more.txt", body: "more" },
      ]);
      const response = await fetch(`${served.named}/tree?format=${format}`, { method: "PUT", body });
      expect(response.status).toBe(200);
      expect(await textOf(served.files, "tree/a.txt")).toBe("new");
      expect(await textOf(served.files, "tree/b/more.txt")).toBe("more");
      expect(await textOf(served.files, "tree/b/c.txt")).toBe(tree["b/c.txt"]);
    });

    test.each(["../evil", "a/../../evil", "/etc/evil", "a/..", `deep${"/x".repeat(33)}`, "n".repeat(300)])(
      "the name %p is refused, and nothing of the archive is there",
      async (name) => {
        await using served = await serveFiles();
        const body = await archive([
          { name: "good.txt", body: "good" },
          { name, body: "evil" },
        ]);
        const before = await namesIn(served.files, "/");
        const response = await fetch(`${served.named}/in?format=${format}`, { method: "PUT", body });
        expect(await refusalOf(response)).toBe("422 archive_refused");
        expect(await namesIn(served.files, "/")).toEqual(before);
      },
    );

    test("one that unpacks to more than the limit is refused, and nothing of it is there", async () => {
      await using served = await serveFiles({ maxTransferBytes: 1_000_000 });
      const body = await archive([{ name: "zeros", body: "\0".repeat(1_000_001) }]);
      const before = await namesIn(served.files, "/");
      const response = await fetch(await served.link("in", "upload", { format }), { method: "PUT", body });
      expect(await refusalOf(response)).toBe("422 archive_refused");
      expect(await namesIn(served.files, "/")).toEqual(before);
    });

    test("one that unpacks to more than 200 times its size is a bomb", async () => {
      await using served = await serveFiles();
      const body = await archive([{ name: "zeros", body: "\0".repeat(70 * 1024 * 1024) }]);
      const response = await fetch(`${served.named}/in?format=${format}`, { method: "PUT", body });
      expect(await response.json()).toMatchObject({ error_description: expect.stringContaining("200 times its size") });
    });

    test.each(["cut", "empty", "no archive"])("a body that is %s is refused", async (what) => {
      await using served = await serveFiles();
      const whole = await archive([{ name: "a", body: "a".repeat(5000) }]);
      const body = { cut: whole.slice(0, whole.byteLength - 30), empty: "", "no archive": "hello, archive" }[what];
      const before = await namesIn(served.files, "/");
      const response = await fetch(`${served.named}/in?format=${format}`, { method: "PUT", body: body ?? "" });
      expect(await refusalOf(response)).toBe("422 archive_refused");
      expect(await namesIn(served.files, "/")).toEqual(before);
    });

    // A zip with something before or behind it is still one.
    const faults = format === "zip" ? ["cut", "damaged"] : ["cut", "damaged", "followed by another"];
    test.each(faults)("one whose large content is %s is refused", async (what) => {
      await using served = await serveFiles();
      const content = crypto.getRandomValues(new Uint8Array(60_000)).toHex().repeat(3);
      const whole = new Uint8Array(await archive([{ name: "a", body: content }]));
      const damaged = Uint8Array.from(whole, (byte, at) => (at > 50_000 && at < 50_100 ? ~byte : byte));
      const bodies = { cut: whole.slice(0, -60_000), damaged, "followed by another": Buffer.concat([whole, damaged]) };
      const before = await namesIn(served.files, "/");
      const body = bodies[what as keyof typeof bodies];
      const response = await fetch(`${served.named}/in?format=${format}`, { method: "PUT", body });
      expect(await refusalOf(response)).toBe("422 archive_refused");
      expect(await namesIn(served.files, "/")).toEqual(before);
    });

    test("a folder where a file is, and a file where a folder is, are refused by name", async () => {
      await using served = await serveTree();
      const send = async (name: string) => {
        const body = await archive([{ name, body: "x" }]);
        return await refusalOf(await fetch(`${served.named}/tree?format=${format}`, { method: "PUT", body }));
      };
      expect(await send("a.txt/below")).toBe("409 not_folder");
      expect(await send("b")).toBe("409 is_folder");
      expect(await textOf(served.files, "tree/a.txt")).toBe("a");
    });
  });
}

test("a zip whose content has the right size and not the right checksum is refused", async () => {
  await using served = await serveFiles();
  const whole = Buffer.from(await zipOf([{ name: "a", body: "x".repeat(100_000), compress: false }]));
  const body = Buffer.from(whole);
  body.write("y", whole.indexOf("x".repeat(100_000)) + 70_000);
  const before = await namesIn(served.files, "/");
  const response = await fetch(`${served.named}/in?format=zip`, { method: "PUT", body });
  expect(await response.json()).toMatchObject({
    error: "archive_refused",
    error_description: expect.stringContaining('"a" does not have the checksum'),
  });
  expect(await namesIn(served.files, "/")).toEqual(before);
});

test.each<[string, TarEntry]>([
  ["link to an absolute path", { name: "l", size: 0, type: "symlink", linkname: "/etc/shadow" }],
  ["link that leaves the folder", { name: "d/l", size: 0, type: "symlink", linkname: "../../x" }],
  ["link that leaves by a long way", { name: "l", size: 0, type: "symlink", linkname: "a/../../x" }],
  ["hard link to an absolute path", { name: "l", size: 0, type: "link", linkname: "/etc/shadow" }],
  ["hard link that leaves", { name: "d/l", size: 0, type: "link", linkname: "../x" }],
  ["device", { name: "null", size: 0, type: "character-device" }],
  ["FIFO", { name: "pipe", size: 0, type: "fifo" }],
])("a %s in a tar is refused", async (_, entry) => {
  await using served = await serveFiles();
  const body = await tarOf([file("good", "good"), entry]);
  const response = await fetch(`${served.named}/in?format=tar.gz`, { method: "PUT", body });
  expect(await refusalOf(response)).toBe("422 archive_refused");
});

test("a name that comes after a link of the same name does not go through it", async () => {
  await using served = await serveFiles();
  const body = await tarOf([
    { name: "l", size: 0, type: "symlink", linkname: "d" },
    file("d/x", "1"),
    file("l/x", "2"),
  ]);
  const response = await fetch(`${served.named}/in?format=tar.gz`, { method: "PUT", body });
  const why = "a link to d: a file or folder of its name is in the archive, too";
  expect(await response.json()).toMatchObject({ files: 2, links: 0, left_out: 1, left_out_names: [`l: ${why}`] });
  expect(await textOf(served.files, "in/d/x")).toBe("1");
  expect(await textOf(served.files, "in/l/x")).toBe("2");
});

const symlink = (name: string, linkname: string): TarEntry => ({ name, size: 0, type: "symlink", linkname });

test("links that stay in the folder are made, into one that is there too, and hard links are files", async () => {
  await using served = await serveFiles();
  const body = await tarOf([
    symlink("bin/tool", "../lib/tool.sh"),
    symlink("current", "lib"),
    symlink("a.txt", "lib/tool.sh"),
    file("lib/tool.sh", "echo"),
    { name: "hard", size: 0, type: "link", linkname: "lib/tool.sh" },
    { name: "lost", size: 0, type: "link", linkname: "lib/none" },
  ]);
  const send = async (to: string) =>
    (await fetch(`${served.named}/${to}?format=tar.gz`, { method: "PUT", body })).json();
  const why = "a hard link to lib/none: that is no file of the archive, or the name is taken";
  await put(served.files, "there/a.txt", "old");
  for (const to of ["in", "there"]) {
    expect(await send(to)).toMatchObject({ files: 1, links: 4, bytes: 8, left_out_names: [`lost: ${why}`] });
    for (const name of ["bin/tool", "current/tool.sh", "a.txt", "hard"])
      expect(await textOf(served.files, `${to}/${name}`)).toBe("echo");
    const targets = new Map<string, string | undefined>();
    for await (const info of served.files.walk(to, { depth: 3 }, new AbortController().signal))
      if (info.kind === "link") targets.set(info.path.slice(`/home/user/${to}/`.length), info.target);
    expect(Object.fromEntries(targets)).toEqual({
      "bin/tool": "../lib/tool.sh",
      current: "lib",
      "a.txt": "lib/tool.sh",
    });
  }
});

test("no link leads out of the folder by way of another one", async () => {
  await using served = await serveFiles();
  const body = await tarOf([
    symlink("here", "."),
    symlink("up", "here/.."),
    symlink("d/here", ".."),
    symlink("d/here/up", "../x"),
    file("x", "x"),
  ]);
  const response = await fetch(`${served.named}/in?format=tar.gz`, { method: "PUT", body });
  expect(await response.json()).toMatchObject({
    links: 2,
    left_out_names: [
      "up: a link to here/..: it goes up (..) behind the name of a folder",
      "d/here/up: a link to ../x: it is below another link",
    ],
  });
});

test("links of more characters than a server should hold are refused", async () => {
  await using served = await serveFiles();
  const links = Array.from({ length: 3000 }, (_, index) => symlink(`l${index}`, "x/".repeat(1500)));
  const response = await fetch(`${served.named}/in?format=tar.gz`, { method: "PUT", body: await tarOf(links) });
  expect(await refusalOf(response)).toBe("422 archive_refused");
});

test("a link in a zip is made", async () => {
  await using served = await serveFiles();
  const body = await zipOf([
    { name: "target", body: "x" },
    { name: "l", body: "target", mode: 0o120777 },
  ]);
  const response = await fetch(`${served.named}/in?format=zip`, { method: "PUT", body });
  expect(await response.json()).toMatchObject({ files: 1, links: 1 });
  expect(await textOf(served.files, "in/l")).toBe("x");
});
