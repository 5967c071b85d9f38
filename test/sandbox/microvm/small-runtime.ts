// A runtime of three small files, packed as the build packs the real one, in a folder of its own.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { EmbeddedPart, EmbeddedRuntime } from "../../../src/sandbox/microvm/carried.ts";
import type { PartName } from "../../../src/sandbox/microvm/platform.ts";

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
  const pack = async (name: PartName, place: string): Promise<EmbeddedPart> => {
    const bytes = Buffer.from(contents[name]);
    const file = join(directory, `${basename(place)}.zst`);
    await Bun.write(file, Bun.zstdCompressSync(bytes));
    return { name, place, file, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  };
  const parts = [
    await pack("addon", "microsandbox.test.node"),
    await pack("msb", "bin/msb"),
    await pack("libkrunfw", "lib/libkrunfw.so.5"),
  ];
  return {
    directory,
    cacheDir: join(directory, "cache"),
    runtime: { kind: "embedded", platform: "linux-x64-gnu", version: "0.6.18", hash: "0123456789ab", parts },
    contents,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
