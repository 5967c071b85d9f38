// The server under test, from source and as a process of its own, and a look at what runs in its sandboxes.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Serving } from "../binary/executable.ts";
import type { UnderTest } from "./client.ts";

const main = join(import.meta.dir, "../../src/main.ts");

export type ServerUnderTest = UnderTest & AsyncDisposable & { readonly sharedDirectory: string };

/** `flags` hold for the one on standard input and output, too. */
export async function startServer(
  flags: readonly string[] = [],
  backend: readonly string[] = ["--backend=namespace"],
): Promise<ServerUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-clients-"));
  const sharedDirectory = await mkdtemp(join(tmpdir(), "msb-mcp-shared-"));
  const command = (state: string): [string, ...string[]] => [
    process.execPath,
    main,
    ...backend,
    `--state-dir=${join(directory, state)}`,
    `--shared-volume=${sharedDirectory}:/shared`,
    ...flags,
  ];
  const child = Bun.spawn([...command("http"), "--port=0"], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const serving = await Serving.once(child);
  return {
    url: serving.url,
    command: [...command("stdio"), "--transport=stdio"],
    sharedDirectory,
    async [Symbol.asyncDispose]() {
      await serving[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
      await rm(sharedDirectory, { recursive: true, force: true });
    },
  };
}

/** Resolves once this machine has, or has no longer, a `sleep` of just this duration. */
export async function untilSleeping(duration: string, wanted: boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while ((await isSleeping(duration)) !== wanted) {
    if (performance.now() > deadlineMs)
      throw new Error(`sleep ${duration} ${wanted ? "never began" : "is still there"}`);
    await Bun.sleep(20);
  }
}

async function isSleeping(duration: string): Promise<boolean> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  // A process may end while it is looked at.
  const commands = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.includes(`sleep\0${duration}\0`);
}
