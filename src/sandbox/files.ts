// The files of a sandbox, as its guest's user may reach them: the part of the port's contract (port.ts) that is about files. Every path is
// resolved inside the guest, links too, so nothing here can name a file of this machine.

/**
 * A path of the guest: absolute, or from the home of its user on. At most 4,096 bytes, none of them zero. A byte that is no part of UTF-8 is one of
 * U+DC80 to U+DCFF, as in Python's PEP 383.
 */
export type GuestPath = string;

export type FileInfo = {
  /** Absolute, without "." and "..", links as they were named. */
  readonly path: GuestPath;
  /** `other`: a FIFO, a socket, a device. */
  readonly kind: "file" | "folder" | "link" | "other";
  readonly sizeBytes: number;
  /** Milliseconds since the epoch, by the guest's clock. */
  readonly modifiedMs: number;
  /** The permission bits: 0o644. */
  readonly permissions: number;
  /** Of a link: where it leads, as it says. */
  readonly target?: GuestPath;
  /** Another one where the content may have changed; made of letters, digits, "-" and ".". */
  readonly version: string;
};

export type WalkOptions = {
  /** 1: the folder's own entries. At most 32. */
  readonly depth: number;
  /** Names of folders that are told and not entered. */
  readonly skip?: readonly string[];
};

export type WriteOptions = {
  /** `replace`: a file that is there gives way at once when all has come, and keeps its permissions. `append`: all or nothing is added. */
  readonly mode: "new" | "replace" | "append";
  /** Makes the folders above it. */
  readonly makeFolders: boolean;
  /** Of a new file. Default 0o644. */
  readonly permissions?: number;
  /** With `replace`: refused as `changed` if the file is not of this version any more when its content has come. */
  readonly ifVersion?: string;
  /** This is a part of a write that may come in several; not for `append`. */
  readonly part?: WritePart;
};

export type WritePart = {
  /** The same for all parts of one write: 1 to 64 letters and digits. */
  readonly id: string;
  /** Where the content begins: at most as many bytes as have come. What came beyond is replaced. */
  readonly offset: number;
  /** With it the file is whole, and is there under its name. */
  readonly isLast: boolean;
};

/**
 * Every method throws Failure `file_not_found`, or `file_refused` with a `FileRefusal` as `context.reason`; `code_execution` if the sandbox
 * is lost, `connection` if it cannot be reached; and the signal's reason when that aborts. They work while runs are on, side by side.
 */
export interface Files {
  /** Of what a link leads to. */
  stat(path: GuestPath, signal: AbortSignal): Promise<FileInfo>;
  /** What is below a folder, each folder before what is in it, by the bytes of their names; links are told and not followed. */
  walk(path: GuestPath, options: WalkOptions, signal: AbortSignal): AsyncIterable<FileInfo>;
  /** A regular file, for reading. */
  open(path: GuestPath, signal: AbortSignal): Promise<OpenedFile>;
  /** Whole or not at all: until the content has ended, nothing is seen under the name. If the content throws, so does this. A link is followed. */
  write(
    path: GuestPath,
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<FileInfo>;
  /** How many bytes have come of a write in parts that is not whole yet; null if there is none. */
  partBytes(path: GuestPath, partId: string, signal: AbortSignal): Promise<number | null>;
  /** With those above it; one that is there already is fine. */
  makeFolder(path: GuestPath, signal: AbortSignal): Promise<void>;
  /** A link that leads to `target`, as it says, whether there is anything. The folder above has to be there. */
  makeLink(path: GuestPath, target: GuestPath, signal: AbortSignal): Promise<void>;
  /** A link itself, not where it leads. A folder that is not empty only with all that is in it. */
  remove(path: GuestPath, options: { readonly withContent: boolean }, signal: AbortSignal): Promise<void>;
  move(from: GuestPath, to: GuestPath, options: { readonly replace: boolean }, signal: AbortSignal): Promise<void>;
}

/** It stays the same file, whatever becomes of its name meanwhile. */
export interface OpenedFile extends AsyncDisposable {
  readonly info: FileInfo;
  /** At most `maxReadBytes`, fewer only at the end, none behind it. Several may be on at once. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bounds one read, and so what is held of a file. */
export const maxReadBytes = 256 * 1024;

/** Why a file could not be had, read or written. */
export type FileRefusal =
  | "exists"
  | "is_folder"
  | "not_folder"
  | "not_empty"
  | "special"
  | "not_permitted"
  | "read_only"
  | "no_space"
  | "name_too_long"
  | "too_many_links"
  | "invalid_path"
  | "part_mismatch"
  | "changed"
  | "other";

export type ChangedFile = { readonly path: GuestPath; readonly sizeBytes: number };

/**
 * Whether it is, or is in, what the programs for files (file-agent/) and archives/unpack.ts hide while a write, a part of one, a move or an unpacking
 * is not over, or was broken off. No other name is passed over.
 */
export function isUnfinished(path: GuestPath): boolean {
  return /(?:^|\/)\.msb-(?:write|part|move|mcp-unpacking)-/.test(path);
}

/** What a run has made or changed below the home and the volumes. */
export type Changes = {
  /** By their paths. At most 100. */
  readonly files: readonly ChangedFile[];
  /** Not all could be looked at in the time, or there are more than are listed. */
  readonly isComplete: boolean;
};

/** Something that a run shows beside its output: a picture, a table, a value in a richer form. */
export type Display = {
  /**
   * By media type, the forms that it has: pictures as base64, checked and with sides that can be shown, all else as text. None only where there is
   * a path.
   */
  readonly data: Readonly<Record<string, string>>;
  /** Where the guest has put what was too large, or not for an answer. */
  readonly path?: GuestPath;
  /** What was done to it, a short sentence: made smaller, saved to a file. */
  readonly note?: string;
};
