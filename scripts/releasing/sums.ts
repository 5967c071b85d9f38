// The sums and the sizes of the files of a release.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Executable } from "./targets.ts";

/** By the names of the files, in hexadecimal, sorted. */
export async function sumsOf(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const sums = new Map<string, string>();
  for (const path of paths.toSorted()) {
    const hash = createHash("sha256");
    for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
    sums.set(basename(path), hash.digest("hex"));
  }
  return sums;
}

/** As `sha256sum -c` reads it. */
export function sumsFile(sums: ReadonlyMap<string, string>): string {
  return [...sums]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sum]) => `${sum}  ${name}\n`)
    .join("");
}

export type Sized = { readonly executable: Executable; readonly bunPath: string; readonly archive: string };

/** A table in Markdown, in millions of bytes. */
export function sizeTable(files: readonly Sized[]): string {
  const rows = files.map(({ executable, bunPath, archive }) => {
    const { target, path } = executable;
    const cells = [
      target.id,
      megabytes(path),
      megabytes(archive),
      megabytes(bunPath),
      target.hasRuntime ? "yes" : "no",
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return `| target | executable, MB | archive, MB | Bun in it, MB | microVM runtime |\n|---|---|---|---|---|\n${rows.join("")}`;
}

function megabytes(path: string): string {
  return (Bun.file(path).size / 1e6).toFixed(1);
}
