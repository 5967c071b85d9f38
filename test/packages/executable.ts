// The executable that the packages of these tests have in them: built once for all of them, without a runtime, or given by
// MSB_MCP_EXECUTABLE.

import { join } from "node:path";
import { type Executable, type Target, targets } from "../../scripts/releasing/targets.ts";

const root = join(import.meta.dir, "../..");

let built: Promise<string> | undefined;

/** Of this machine's platform. */
export async function ownExecutable(): Promise<Executable> {
  built ??= build();
  return { target: ownTarget, path: await built };
}

/** A file that stands for the executable of a platform that this machine is not. */
export async function foreignExecutable(id: Target["id"], folder: string): Promise<Executable> {
  const target = targets.find((it) => it.id === id);
  if (target === undefined || target === ownTarget) throw new Error(`${id} is no platform that this machine is not`);
  const path = join(folder, target.executable);
  await Bun.write(path, `the executable for ${id}`);
  return { target, path };
}

export const ownTarget: Target = (() => {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  const linuxLibc = header.glibcVersionRuntime === undefined ? "musl" : "glibc";
  const libc = process.platform === "linux" ? linuxLibc : undefined;
  const target = targets.find((it) => it.os === process.platform && it.arch === process.arch && it.libc === libc);
  if (target === undefined) throw new Error(`a release has nothing for ${process.platform}-${process.arch}`);
  return target;
})();

async function build(): Promise<string> {
  const { MSB_MCP_EXECUTABLE: given } = process.env;
  if (given !== undefined && given !== "") return given;
  // In the project's own folder for what is built: there each run replaces it, and nothing piles up.
  const path = join(root, "dist/test/msb-mcp");
  const building = Bun.spawn([process.execPath, join(root, "scripts/build.ts"), "--no-embed", "--outfile", path], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const [errors, status] = await Promise.all([building.stderr.text(), building.exited]);
  if (status !== 0) throw new Error(`the build failed: ${errors}`);
  return path;
}
