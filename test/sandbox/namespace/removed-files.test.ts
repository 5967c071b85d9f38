// What processes keep of files that have been removed: those of this machine stand for a sandbox's.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readProcess } from "../../../src/sandbox/namespace/processes.ts";
import { RemovedFiles } from "../../../src/sandbox/namespace/removed-files.ts";

let folder: string;
const running: Bun.Subprocess[] = [];

beforeEach(() => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  folder = mkdtempSync("/tmp/msb-mcp-tests/removed-");
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(folder, { recursive: true });
});

/** Python that waits when `source` is done. */
async function hold(source: string) {
  const program = `import ctypes, os, threading, time
libc = ctypes.CDLL(None)
def keep(name, size):
    held = os.open(name, os.O_RDWR | os.O_CREAT)
    os.unlink(name)
    os.write(held, bytes(size))
${source}
print(flush=True)
time.sleep(1000)`;
  const child = Bun.spawn(["python3", "-c", program], { cwd: folder, stdout: "pipe" });
  running.push(child);
  await child.stdout.getReader().read();
  const process = readProcess(child.pid);
  if (process === null) throw new Error("it has ended");
  return process;
}

describe.skipIf(process.platform !== "linux" || Bun.which("python3") === null)("removed files (Linux, python3)", () => {
  test("what is open counts once, whoever has it, and what lies elsewhere or still has a name does not", async () => {
    const elsewhere = mkdtempSync("/tmp/msb-mcp-tests/elsewhere-");
    const holder =
      await hold(`keep("one", 1_000_000); os.dup(3); kept = open("named", "wb"); kept.write(bytes(1_000_000))
os.chdir(${JSON.stringify(elsewhere)}); keep("other", 1_000_000)`);
    rmSync(elsewhere, { recursive: true });
    const { bytes, holders, unknown } = await new RemovedFiles().look([holder], folder);
    expect([holders, unknown]).toEqual([[holder], []]);
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
    expect(bytes).toBeLessThan(1_200_000);
  });

  test("what a thread with descriptors of its own keeps counts", async () => {
    const thread = `def own():
    if libc.unshare(0x400) == 0: keep("own", 1_000_000)
    done.set()
    time.sleep(1000)
done = threading.Event(); threading.Thread(target=own).start(); done.wait()`;
    const { bytes } = await new RemovedFiles().look([await hold(thread)], folder);
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  test("a file whose name was too long to be told counts", async () => {
    const deep = `for _ in range(30): os.mkdir("d" * 200); os.chdir("d" * 200)
keep("deep", 1_000_000)`;
    const { bytes } = await new RemovedFiles().look([await hold(deep)], folder);
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  test("more than one look reads is found by the next ones", async () => {
    const many = `null = os.open("/dev/null", os.O_RDONLY)
for _ in range(500): os.dup(null)
for _ in range(40): threading.Thread(target=time.sleep, args=(1000,)).start()`;
    const all = [await hold(many), await hold('keep("last", 1_000_000)')];
    const removed = new RemovedFiles();
    const looks = [await removed.look(all, folder), await removed.look(all, folder)];
    // Wherever the numbers of processes have begun anew.
    expect(looks[1]?.holders).toEqual(all.slice(1));
    expect(looks[1]?.bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  test("to a server that is not root, a process that lets nobody look into it is unknown, and one that has ended is not", async () => {
    const closed = await hold('keep("one", 1_000_000); libc.prctl(4, 0, 0, 0, 0)');
    const ended = { pid: 2 ** 30, parent: 1, startTicks: 1 };
    const module = join(import.meta.dir, "../../../src/sandbox/namespace/removed-files.ts");
    const look = `const { RemovedFiles } = await import(${JSON.stringify(module)});
console.log(JSON.stringify(await new RemovedFiles().look(${JSON.stringify([closed, ended])}, ${JSON.stringify(folder)})));`;
    // Without what root may beyond the modes of its own files. Nothing has to be given up where this is not root.
    const asUser = process.getuid?.() === 0 ? ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] : [];
    const ran = Bun.spawnSync([...asUser, process.execPath, "-e", look]);
    expect(JSON.parse(ran.stdout.toString())).toEqual({ bytes: 0, holders: [], unknown: [closed] });
  });
});
