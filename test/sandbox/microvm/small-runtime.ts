// A runtime of three small files, packed as the build packs the real one, in a folder of its own.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmbeddedPart, EmbeddedRuntime } from "../../../src/sandbox/microvm/runtime/carried.ts";
import type { PartName } from "../../../src/sandbox/microvm/runtime/platform.ts";

export type SmallRuntime = AsyncDisposable & {
  /** Where everything of a test may lie. */
  readonly directory: string;
  readonly cacheDir: string;
  readonly runtime: EmbeddedRuntime;
  readonly contents: Readonly<Record<PartName, string>>;
};

export async function smallRuntime(): Promise<SmallRuntime> {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-runtime-"));
  const contents = { addon: "an addon", msb: "#!/bin/sh\necho msb 0.6.18\n", libkrunfw: "a kernel".repeat(1000) };
  let offsetBytes = 0;
  const describe = (name: PartName, place: string): EmbeddedPart => {
    const bytes = Buffer.from(contents[name]);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const part = { name, place, offsetBytes, sizeBytes: bytes.length, sha256 };
    offsetBytes += bytes.length;
    return part;
  };
  const parts = [
    describe("addon", "microsandbox.test.node"),
    describe("msb", "bin/msb"),
    describe("libkrunfw", "lib/libkrunfw.so.5"),
  ];
  const file = join(directory, "runtime.zst");
  await Bun.write(file, Bun.zstdCompressSync(parts.map(({ name }) => contents[name]).join("")));
  return {
    directory,
    cacheDir: join(directory, "cache"),
    runtime: { kind: "embedded", platform: "linux-x64-gnu", version: "0.6.18", hash: "0123456789ab", file, parts },
    contents,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
