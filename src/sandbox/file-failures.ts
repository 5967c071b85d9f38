// What is told of an operation on files that was refused: one table for every backend, by the names that systems give their errors.

import { Failure } from "../failure.ts";
import type { FileRefusal, GuestPath } from "./files.ts";
import { shownPath } from "./shown-paths.ts";

/** Names of errors that are ours, beside those of errno(3). */
export type OwnFileError =
  /** Empty, a zero in it, or half a pair of surrogates. */
  | "EINVALIDPATH"
  /** Neither a regular file nor a folder. */
  | "ESPECIAL"
  /** A part that does not begin where the parts before it end. */
  | "EPARTMISMATCH"
  /** Of another version than the one that is to be replaced. */
  | "ECHANGED"
  /** A folder into itself. */
  | "EINTOITSELF";

type Row = { readonly reason: FileRefusal; readonly what: string; readonly advice: string };

const rows: Readonly<Record<string, Row>> = {
  EEXIST: { reason: "exists", what: "exists already", advice: "Choose another name, or replace it." },
  EISDIR: { reason: "is_folder", what: "is a folder", advice: "Name a file in it." },
  ENOTDIR: {
    reason: "not_folder",
    what: "is not a folder, or leads through something that is not",
    advice: "Name a folder.",
  },
  ENOTEMPTY: {
    reason: "not_empty",
    what: "is a folder that is not empty",
    advice: "Remove what is in it first, or remove it with its content.",
  },
  ESPECIAL: {
    reason: "special",
    what: "is a pipe, a socket or a device, not a regular file",
    advice: "Name a regular file.",
  },
  EACCES: {
    reason: "not_permitted",
    what: "may not be used so by the sandbox's user: permission denied",
    advice: "Use a path below the home folder, or change the permissions with execute_command.",
  },
  EROFS: {
    reason: "read_only",
    what: "is in a place that is read-only",
    advice: "Use a path below the home folder, /tmp or a volume that is shared for writing.",
  },
  ENOSPC: {
    reason: "no_space",
    what: "does not fit: no space is left in the sandbox there",
    advice: "Remove files that are no longer needed, or write less.",
  },
  ENAMETOOLONG: {
    reason: "name_too_long",
    what: "is too long: a name has at most 255 bytes, a path 4,095",
    advice: "Choose a shorter name.",
  },
  ELOOP: {
    reason: "too_many_links",
    what: "leads through more than 40 symbolic links, or in a circle",
    advice: "Name the file itself.",
  },
  EINVALIDPATH: {
    reason: "invalid_path",
    what: "is not a path: it is empty, or has a zero byte or half a character in it",
    advice: "Give an absolute path, or one from the home folder on.",
  },
  EPARTMISMATCH: {
    reason: "part_mismatch",
    what: "has fewer bytes so far than where this part begins",
    advice: "Ask how many bytes have come, and go on from there.",
  },
  ECHANGED: {
    reason: "changed",
    what: "was changed by something else meanwhile, so nothing was written",
    advice: "Read it again, then write.",
  },
  EINTOITSELF: {
    reason: "other",
    what: "is the folder itself, or below it",
    advice: "Choose a place outside of the folder.",
  },
  EBUSY: { reason: "other", what: "is in use by the system, as a mounted place is", advice: "Choose another path." },
  EFBIG: { reason: "other", what: "would be larger than a file may be there", advice: "Write less." },
  EMFILE: {
    reason: "other",
    what: "cannot be opened: too many files of this sandbox are being read and written at once",
    advice: "Wait until some of them are done.",
  },
  ENOMEM: {
    reason: "other",
    what: "cannot be worked on: the sandbox's memory is used up",
    advice: "End processes that are no longer needed, or take a larger flavor.",
  },
  ETXTBSY: {
    reason: "other",
    what: "is a program that runs now",
    advice: "End the program, or replace the file instead of changing it.",
  },
};

const sameAs: Readonly<Record<string, string>> = { EPERM: "EACCES", EDQUOT: "ENOSPC", ENFILE: "EMFILE" };

/** `context` tells more of it, for programs. */
export function fileFailure(
  errorName: OwnFileError | (string & {}),
  path: GuestPath,
  context: Readonly<Record<string, unknown>> = {},
): Failure {
  const told = quotedPath(path);
  if (errorName === "ENOENT") {
    return new Failure("file_not_found", `There is no ${told} in the sandbox.`, { context: { path, ...context } });
  }
  const row = rows[sameAs[errorName] ?? errorName];
  const { reason, what, advice } = row ?? {
    reason: "other",
    what: `could not be used: the sandbox's system says ${errorName}`,
    advice: "Choose another path.",
  };
  return new Failure("file_refused", `${told} ${what}.`, {
    context: { path, reason, ...context },
    advice: [advice],
  });
}

/** In a line, whatever is in it. */
function quotedPath(path: GuestPath): string {
  const shown = shownPath(path);
  const quoted = shown === path ? JSON.stringify(path) : shown;
  return quoted.length <= maxToldLength ? quoted : `${quoted.slice(0, maxToldLength)}…${quoted.slice(-1)}`;
}

const maxToldLength = 300;
