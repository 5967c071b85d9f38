// Runs a conformance suite's command line, as published.

import { join } from "node:path";

const modules = join(import.meta.dir, "../../node_modules/@modelcontextprotocol");

/** A suite takes some 15 s; on a busy machine several times that. */
export const suiteTimeoutMs = 240_000;

export type SuiteRun = { readonly status: number; readonly output: string; readonly summary: string };

/** It writes its results into `workDir`. */
export async function runSuite(
  suite: "conformance" | "conformance-next",
  { url, workDir }: { readonly url: string; readonly workDir: string },
  ...args: readonly string[]
): Promise<SuiteRun> {
  const command = [process.execPath, join(modules, suite, "dist/index.js"), "server", "--url", url, ...args];
  const child = Bun.spawn(command, { cwd: workDir, stdout: "pipe", stderr: "pipe", timeout: suiteTimeoutMs - 10_000 });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const output = stdout + stderr;
  // Shown as a whole, because what failed is in the middle of it.
  if (status !== 0) console.error(output);
  return { status, output, summary: output.slice(output.lastIndexOf("=== SUMMARY ===")) };
}
