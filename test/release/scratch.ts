// What the tests of releases share: temporary folders, and programs that are run to their end.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dir, "../..");

export async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "msb-mcp-release-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: Bun.BunFile | Uint8Array;
  readonly timeoutMs?: number;
};

/** With the environment that is given alone, and PATH. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env.PATH ?? "", HOME: tmpdir(), ...options.env },
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 50_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status: child.exitCode, stdout, stderr };
}
