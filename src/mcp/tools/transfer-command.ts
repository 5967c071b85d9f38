// The command line for a transfer by URL, as a person or an agent pastes it into a shell, whatever is in the names.

import type { ArchiveFormat } from "../../archives/format.ts";

export type Transferred = {
  readonly path: string;
  readonly format: ArchiveFormat | undefined;
  readonly direction: "upload" | "download";
};

/** Of a refused download, the reason would go into the file or to tar. */
const download = "curl -fsS";
/** Shows why an upload was refused: what is answered (curl 7.76 or later). */
const upload = "curl --fail-with-body -sS -T";

export function commandLine(url: string, { path, format, direction }: Transferred): string {
  const name = localName(path);
  const at = quoted(url);
  if (direction === "download") {
    if (format === "tar.gz") return `mkdir -p ${name} && ${download} ${at} | tar -xz -C ${name}`;
    return `${download} -o ${format === "zip" ? localName(path, ".zip") : name} ${at}`;
  }
  if (format === "tar.gz") return `tar -cz -C ${name} . | ${upload} - ${at}`;
  return `${upload} ${format === "zip" ? localName(path, ".zip") : name} ${at}`;
}

/** The last part of the path, from here on: a name that begins with a dash is no option. */
function localName(path: string, extension = ""): string {
  const name = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const plain = ["", ".", ".."].includes(name) ? "files" : name;
  return quoted(`./${plain.toWellFormed().replaceAll("\uFFFD", "_")}${extension}`);
}

/** As POSIX shells take it as it is. A plain word stays one. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
