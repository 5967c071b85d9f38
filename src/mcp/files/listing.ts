// What is below a folder, as far as it was asked for and fits an answer.

import { type FileInfo, type Files, type GuestPath, isUnfinished } from "../../sandbox/files.ts";
import { shownPath } from "../../sandbox/shown-paths.ts";

export type ListedFile = {
  /** From the folder on, as shown. */
  readonly path: string;
  readonly kind: FileInfo["kind"];
  readonly size_bytes?: number;
  readonly modified: string;
  /** Of a link. */
  readonly target?: string;
};

export type ListRequest = {
  readonly pattern: string | undefined;
  readonly depth: number;
  readonly maxEntries: number;
  /** Of the entries as JSON. */
  readonly maxBytes: number;
  readonly isOver: () => boolean;
};

export type Listing = {
  readonly entries: readonly ListedFile[];
  /** Entries that are meant as well and are not told. */
  readonly leftOut: number;
  /** Not all could be looked at: there may be more. */
  readonly isComplete: boolean;
  /** Folders that were told and not entered. */
  readonly notEntered: number;
};

/** Made by tools and full of what nobody looks for. */
const skippedFolders: readonly string[] = [
  ...["node_modules", ".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "site-packages", "dist-packages"],
  ...[".cache", ".npm", ".bun", ".cargo", ".rustup", ".gradle", ".m2", ".local"],
  ...[".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".tox", ".next", ".turbo"],
];

/** Looked at for one answer. */
const maxLookedAt = 100_000;

/** The folder's path is the one that its `stat` has told. */
export async function listFolder(
  files: Files,
  folder: GuestPath,
  request: ListRequest,
  signal: AbortSignal,
): Promise<Listing> {
  const isMeant = matcher(request.pattern);
  const entries: ListedFile[] = [];
  let bytes = 0;
  let leftOut = 0;
  let notEntered = 0;
  let lookedAt = 0;
  let isComplete = true;
  const prefix = folder.endsWith("/") ? folder : `${folder}/`;
  for await (const info of files.walk(folder, { depth: request.depth, skip: skippedFolders }, signal)) {
    lookedAt++;
    const path = info.path.slice(prefix.length);
    if (isSkipped(info, path, request.depth)) notEntered++;
    // What is not whole yet is not there.
    if (!isUnfinished(path) && isMeant(path)) {
      const entry = told(info, path);
      const entryBytes = Buffer.byteLength(JSON.stringify(entry)) + 1;
      if (leftOut === 0 && entries.length < request.maxEntries && bytes + entryBytes <= request.maxBytes) {
        entries.push(entry);
        bytes += entryBytes;
      } else {
        leftOut++;
      }
    }
    if (lookedAt < maxLookedAt && !request.isOver()) continue;
    isComplete = false;
    break;
  }
  return { entries, leftOut, isComplete, notEntered };
}

/** A pattern without a slash is about names, and as in a shell one that begins with a wildcard is not about hidden ones. */
function matcher(pattern: string | undefined): (path: string) => boolean {
  if (pattern === undefined) return () => true;
  const glob = new Bun.Glob(pattern.replace(/^\.\//, ""));
  const isForNames = !pattern.includes("/");
  const namesHidden = /(?:^|[/{,])\.[^./]/.test(pattern.replace(/^\.\//, ""));
  return (path) => {
    if (!namesHidden && /(?:^|\/)\./.test(path)) return false;
    return glob.match(isForNames ? path.slice(path.lastIndexOf("/") + 1) : path);
  };
}

function isSkipped({ kind }: FileInfo, path: string, depth: number): boolean {
  const names = path.split("/");
  return kind === "folder" && names.length < depth && skippedFolders.includes(names.at(-1) ?? "");
}

function told({ kind, sizeBytes, modifiedMs, target }: FileInfo, path: string): ListedFile {
  return {
    path: shownPath(path),
    kind,
    ...(kind === "file" && { size_bytes: sizeBytes }),
    modified: modifiedAt(modifiedMs),
    ...(target !== undefined && { target: shownPath(target) }),
  };
}

/** A guest's clock may say anything. */
function modifiedAt(modifiedMs: number): string {
  const date = new Date(modifiedMs);
  return Number.isNaN(date.getTime()) ? "unknown" : date.toISOString().slice(0, 19).concat("Z");
}
