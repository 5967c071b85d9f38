// Names of entries in archives, from one who may mean ill: each becomes a path below the folder that it is unpacked to, or is refused.

import type { GuestPath } from "../sandbox/files.ts";
import { maxDepth } from "./limits.ts";

/** Of one part of a path, as Linux has it. Bytes. */
const maxNameBytes = 255;
/** Of a whole path below the folder. Bytes. */
const maxPathBytes = 3_500;

/** The archive is not unpacked. The message is for its sender: what is wrong with which entry. */
export class ArchiveRefused extends Error {
  override readonly name = "ArchiveRefused";
}

/** Parts from the folder on; none for the folder itself. Throws ArchiveRefused. */
export function partsOf(name: string): readonly GuestPath[] {
  if (name.startsWith("/")) throw refused(name, "is an absolute path");
  if (name.includes("\0")) throw refused(name, "has a zero byte");
  if (name.includes("\uFFFD")) throw refused(name, "is not UTF-8");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refused(name, "leaves the folder");
  if (parts.length > maxDepth) throw refused(name, `is more than ${maxDepth} folders deep`);
  const isTooLong = parts.some((part) => Buffer.byteLength(part) > maxNameBytes);
  if (isTooLong || Buffer.byteLength(name) > maxPathBytes) throw refused(name, "is too long");
  return parts;
}

/** Throws ArchiveRefused for a link that leads out of the folder: from `name` on, or for a hard link from the folder on. */
export function refuseLeavingLink(name: string, target: string, isHard: boolean): void {
  let depth = isHard ? 0 : partsOf(name).length - 1;
  if (target === "" || /[\0\uFFFD]/.test(target)) throw refused(name, "is a link whose target is no path in UTF-8");
  if (target.startsWith("/")) throw refused(name, "is a link to an absolute path");
  for (const part of target.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) throw refused(name, "is a link that leaves the folder");
  }
}

export function refused(name: string, why: string): ArchiveRefused {
  const shown = name.length > 120 ? `${name.slice(0, 120)}…` : name;
  return new ArchiveRefused(`The entry ${JSON.stringify(shown)} ${why}.`);
}
