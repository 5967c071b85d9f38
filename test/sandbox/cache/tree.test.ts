// What a guest leaves in a folder of this machine, and what its removal does to everything around it: nothing.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { contentOf, empty, removeTree, removeUntil } from "../../../src/sandbox/cache/tree.ts";

let root: string;
let tree: string;
let outside: string;

beforeEach(() => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  root = mkdtempSync("/tmp/msb-mcp-tests/tree-");
  [tree, outside] = [join(root, "tree"), join(root, "outside")];
  for (const folder of [tree, outside]) mkdirSync(folder);
  writeFileSync(join(outside, "kept"), "kept");
});
afterEach(() => {
  Bun.spawnSync(["rm", "-rf", root]);
});

/** Python makes what Node's paths cannot say. */
function python(source: string): void {
  const ran = Bun.spawnSync(["python3", "-c", source], { cwd: tree, stderr: "pipe" });
  if (!ran.success) throw new Error(ran.stderr.toString());
}

function isOutsideWhole(): boolean {
  return readFileSync(join(outside, "kept"), "utf8") === "kept" && readdirSync(outside).length === 1;
}

const never = new AbortController().signal;

/** So old that it is removed before what is made now. */
const longAgo = new Date(1_000_000_000_000);

function write(name: string, bytes: number, changed?: Date): void {
  const path = join(tree, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, Buffer.alloc(bytes, 1));
  if (changed !== undefined) utimesSync(path, changed, changed);
}

describe.skipIf(process.platform !== "linux")("a tree that a guest has made (Linux)", () => {
  test("counts what it takes on the disk: a file with several names once, one with holes as what is in it, a link as itself", async () => {
    write("a/b/file", 1_000_000);
    python("import os; os.link('a/b/file', 'again'); open('holes', 'wb').truncate(10**12)");
    symlinkSync(outside, join(tree, "link"));
    const { bytes, files, isBeyond } = await contentOf(tree, never);
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
    expect(bytes).toBeLessThan(1_200_000);
    expect(files).toHaveLength(3);
    expect(isBeyond).toBe(false);
  });

  test("the oldest files are removed, newer ones and folders stay", async () => {
    write("pip/old", 10, longAgo);
    write("pip/new", 10);
    await removeUntil(tree, longAgo.getTime(), never);
    expect(readdirSync(join(tree, "pip"))).toEqual(["new"]);
  });

  test("links are removed and never followed, as a name or on the way", async () => {
    symlinkSync(outside, join(tree, "folder"));
    symlinkSync(join(outside, "kept"), join(tree, "file"));
    symlinkSync("/proc/self/fd", join(tree, "descriptors"));
    symlinkSync(tree, join(tree, "loop"));
    await removeUntil(tree, Date.now() + 1_000_000, never);
    expect(readdirSync(tree)).toEqual([]);
    symlinkSync(outside, join(tree, "folder"));
    await empty(tree, never);
    expect(readdirSync(tree)).toEqual([]);
    expect(isOutsideWhole()).toBe(true);
  });

  test("a folder whose own name is a link is not gone into", async () => {
    symlinkSync(outside, join(tree, "link"));
    await expect(contentOf(join(tree, "link"), never)).rejects.toThrow("ENOTDIR");
    await expect(empty(join(tree, "link"), never)).rejects.toThrow("ENOTDIR");
    expect(isOutsideWhole()).toBe(true);
  });

  test("names that are no text, pipes, sockets and modes without rights are no hindrance", async () => {
    python(`import os, socket
os.mkdir(b"\\xff"); open(b"\\xff/\\xfe\\n", "w"); os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
os.makedirs("closed/below"); open("closed/below/file", "w"); os.chmod("closed/below", 0); os.chmod("closed", 0)
os.chmod(".", 0)`);
    expect((await contentOf(tree, never)).files).toHaveLength(4);
    await empty(tree, never);
    expect(readdirSync(tree)).toEqual([]);
  });

  test("nothing more is read or removed once it is aborted", async () => {
    write("a/file", 10);
    await expect(contentOf(tree, AbortSignal.abort())).rejects.toThrow();
    await empty(tree, AbortSignal.abort());
    await removeUntil(tree, Date.now() + 1_000_000, AbortSignal.abort());
    expect(existsSync(join(tree, "a/file"))).toBe(true);
  });

  test("a tree that is too deep is told as such, and removed", async () => {
    python("import os\nfor _ in range(300):\n  os.mkdir('d'); os.chdir('d')\nopen('file', 'w')");
    expect((await contentOf(tree, never)).isBeyond).toBe(true);
    await removeTree(tree, never);
    expect(existsSync(tree)).toBe(false);
  });

  test("a tree that is too deep is removed by a server that is not root, too, whatever the modes of its folders are", () => {
    python(`import os
for _ in range(64): os.mkdir("d"); os.chdir("d")
os.makedirs("closed/below"); open("closed/below/file", "w")
os.chmod("closed/below", 0); os.chmod("closed", 0o555)`);
    const module = join(import.meta.dir, "../../../src/sandbox/cache/tree.ts");
    const remove = `const { removeTree } = await import(${JSON.stringify(module)}); await removeTree(${JSON.stringify(tree)}, new AbortController().signal);`;
    // Without what root may beyond the modes of its own files. Nothing has to be given up where this is not root.
    const asUser = process.getuid?.() === 0 ? ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] : [];
    const ran = Bun.spawnSync([...asUser, process.execPath, "-e", remove], { stderr: "pipe" });
    expect({ stderr: ran.stderr.toString(), isThere: existsSync(tree) }).toEqual({ stderr: "", isThere: false });
  });

  test("a folder that becomes a link and a folder again all the while leads nowhere", async () => {
    utimesSync(join(outside, "kept"), longAgo, longAgo);
    mkdirSync(join(tree, "swapped"));
    symlinkSync(outside, join(tree, "link"));
    // RENAME_EXCHANGE of renameat2(2): both names are there at any moment.
    const swap = `import ctypes
print(flush=True)
libc = ctypes.CDLL(None)
while True:
    libc.renameat2(-100, b"swapped", -100, b"link", 2)`;
    const guest = Bun.spawn(["python3", "-c", swap], { cwd: tree, stdout: "pipe" });
    try {
      await guest.stdout.getReader().read();
      for (let look = 0; look < 500; look++) {
        await removeUntil(tree, longAgo.getTime(), never);
        // The link alone.
        expect((await contentOf(tree, never)).files.length).toBeLessThanOrEqual(2);
        expect(isOutsideWhole()).toBe(true);
      }
      await empty(tree, never);
    } finally {
      guest.kill("SIGKILL");
      await guest.exited;
    }
    expect(isOutsideWhole()).toBe(true);
    await empty(tree, never);
    expect(readdirSync(tree)).toEqual([]);
  });
});
