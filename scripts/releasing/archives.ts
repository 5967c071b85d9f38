// The archives of a release: an executable with the texts that go with it. Their bytes depend on their contents and the commit's time alone.

import { join } from "node:path";
import { createTar } from "nanotar";
import type { Compression } from "../building/parts.ts";
import type { Executable } from "./targets.ts";
import { zip } from "./zip.ts";

export type ArchiveOptions = {
  readonly outDir: string;
  readonly executable: Executable;
  /** By their names. */
  readonly texts: Readonly<Record<string, string>>;
  /** In seconds. */
  readonly time: number;
  readonly compression: Compression;
};

/** Of libdeflate, which makes what any gzip reads. */
const levels = { quick: 1, best: 12 } as const satisfies Readonly<Record<Compression, number>>;

type Entry = { readonly name: string; readonly content: Uint8Array; readonly isExecutable: boolean };

/** The path of NAME.tar.gz, or NAME.zip for Windows, which holds one folder NAME. */
export async function makeArchive(options: ArchiveOptions): Promise<string> {
  const { outDir, executable, texts, time, compression } = options;
  const { target, path } = executable;
  const name = archiveName(executable).replace(/\.(?:tar\.gz|zip)$/, "");
  const program = target.os === "win32" ? "msb-mcp.exe" : "msb-mcp";
  const entries: readonly Entry[] = [
    ...Object.entries(texts).map(([file, text]) => ({
      name: `${name}/${file}`,
      content: new TextEncoder().encode(text),
      isExecutable: false,
    })),
    { name: `${name}/${program}`, content: await Bun.file(path).bytes(), isExecutable: true },
  ];
  const archive = join(outDir, archiveName(executable));
  await Bun.write(archive, target.os === "win32" ? await zip(entries) : tarGz(entries, time, levels[compression]));
  return archive;
}

function archiveName({ target }: Executable): string {
  return `msb-mcp-${target.id}.${target.os === "win32" ? "zip" : "tar.gz"}`;
}

function tarGz(entries: readonly Entry[], time: number, level: 1 | 12): Uint8Array {
  const tar = createTar(
    entries.map(({ name, content, isExecutable }) => ({
      name,
      data: content,
      attrs: { mode: isExecutable ? "755" : "644", mtime: time * 1000, uid: 0, gid: 0, user: "root", group: "root" },
    })),
  );
  // The end that the format asks for is not always there.
  const whole = Buffer.concat([tar, new Uint8Array(1024)]);
  return Bun.gzipSync(whole, { level, library: "libdeflate" });
}
