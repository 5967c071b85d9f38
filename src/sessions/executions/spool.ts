// The complete output of one execution, in the order of its arrival: in memory while it is short, in a file once it is not. Readers
// may come at any time, and go by offsets of their own.

import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Stream } from "../../sandbox/port.ts";
import { decodePieces, encodePieces, headerBytes, maxPieceBytes, type Piece } from "./frames.ts";
import { removeIfMay } from "./removal.ts";

/** `all`: both streams, as they came. */
export type Source = Stream | "all";

export type Counts = Readonly<Record<Source, number>>;

/** A piece of the stream that was asked for, and where in that stream it begins. */
export type Chunk = Piece & { readonly offset: number };

/** What cannot be read, and why: some at the end, or all. */
export type Missing =
  /** `disk`: the file cannot be written; `limit`: an execution keeps no more. */
  | { readonly why: "disk" | "limit"; readonly bytes: number }
  /** `room`: for others' output; `end`: of its session. */
  | { readonly why: "room" | "end" };

export type SpoolOptions = {
  /** Its folder need not be there. */
  readonly path: string;
  /** Called with how many bytes the file is about to grow by. */
  readonly onGrowing: (bytes: number) => void;
  /** Called with how many bytes the file has grown by, or by how many it has become less. */
  readonly onResized: (bytes: number) => void;
  /** Called once if the file cannot be written: what does not fit into memory is lost from then on. */
  readonly onUnwritable: (error: unknown) => void;
};

/** A file is written in steps of this size. Bytes. */
const stepBytes = 64 * 1024;
/** Of an execution that has ended, so much stays in memory, and no file is made for it. Bytes. */
const inMemoryBytes = 4 * 1024;
/** What memory keeps where the file cannot be written: the first so many bytes. */
const withoutFileBytes = 1024 * 1024;
/** How far apart the places are from which a reader can begin. Bytes of output. */
const markEveryBytes = 256 * 1024;
/** Read from the file at once. Bytes. */
const readBytes = 256 * 1024;

/** A place in the file, and how much of each stream lies before it. */
type Mark = { readonly at: number; readonly before: Counts };

const nothing: Counts = { all: 0, stdout: 0, stderr: 0 };

export class Spool {
  readonly #options: SpoolOptions;
  /** Not in the file yet; at most a step and a piece, or `withoutFileBytes` if there is no file. */
  #pending: Piece[] = [];
  #pendingBytes = 0;
  #fileBytes = 0;
  #descriptor: number | undefined;
  /** One each `markEveryBytes`: 256 for 64 MiB. */
  readonly #marks: Mark[] = [{ at: 0, before: nothing }];
  #counts: Counts = nothing;
  /** Its descriptor is closed: it writes seldom from now on. */
  #isResting = false;
  #isUnwritable = false;
  #isDropped = false;
  #droppedFor: "room" | "end" = "room";
  /** Came when there was no place for it. */
  #lostBytes = 0;
  #lostFor: "disk" | "limit" = "disk";

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** One whose file an earlier process has written, as far as that is whole; there need not be one. Blocks: for a start. */
  static reopen(options: SpoolOptions): Spool {
    const spool = new Spool(options);
    spool.#isResting = true;
    for (const piece of piecesIn(options.path)) {
      spool.#counts = plus(spool.#counts, piece.stream, piece.bytes.length);
      spool.#fileBytes += headerBytes + piece.bytes.length;
      spool.#mark();
    }
    options.onResized(spool.#fileBytes);
    return spool;
  }

  /** What has been kept, whether it is still there or not. */
  get counts(): Counts {
    return this.#counts;
  }

  /** Undefined while all of it can be read. */
  get missing(): Missing | undefined {
    if (this.#isDropped) return { why: this.#droppedFor };
    return this.#lostBytes > 0 ? { why: this.#lostFor, bytes: this.#lostBytes } : undefined;
  }

  /** Nothing can be read any more. */
  get isDropped(): boolean {
    return this.#isDropped;
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** The bytes are the caller's: they are copied. */
  append(stream: Stream, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const isFull = this.#isUnwritable && this.#pendingBytes + bytes.length > withoutFileBytes;
    if (this.#isDropped || isFull || this.#lostBytes > 0) {
      this.#lostBytes += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; at += maxPieceBytes) this.#add(stream, bytes.subarray(at, at + maxPieceBytes));
    if (this.#pendingBytes >= stepBytes) this.flush();
  }

  #add(stream: Stream, bytes: Uint8Array): void {
    const last = this.#pending.at(-1);
    // Programs that write a line at a time would have a piece a line.
    if (last?.stream === stream && last.bytes.length + bytes.length <= maxPieceBytes && last.bytes.length < 4096) {
      this.#pending[this.#pending.length - 1] = { stream, bytes: Buffer.concat([last.bytes, bytes]) };
    } else this.#pending.push({ stream, bytes: bytes.slice() });
    this.#pendingBytes += bytes.length;
    this.#counts = plus(this.#counts, stream, bytes.length);
  }

  /** The execution has ended, or will write no more for long. Short output stays in memory unless `isToSurvive`. */
  rest(isToSurvive: boolean): void {
    this.#isResting = true;
    if (isToSurvive || this.#fileBytes > 0 || this.#pendingBytes > inMemoryBytes) this.flush();
    this.#close();
  }

  /** So many bytes came that are not to be kept, and none that comes from now on is. */
  refuse(bytes: number): void {
    if (this.#lostBytes === 0) this.#lostFor = "limit";
    this.#lostBytes += bytes;
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Writes what is pending to the file. */
  flush(): void {
    if (this.#pendingBytes === 0 || this.#isUnwritable || this.#isDropped) return;
    const encoded = encodePieces(this.#pending);
    this.#options.onGrowing(encoded.length);
    if (this.#isDropped) return;
    try {
      this.#descriptor ??= openFile(this.#options.path, this.#fileBytes === 0);
      for (let at = 0; at < encoded.length; ) {
        at += writeSync(this.#descriptor, encoded, at, encoded.length - at, this.#fileBytes + at);
      }
    } catch (error) {
      this.#isUnwritable = true;
      this.#options.onUnwritable(error);
      return;
    }
    this.#fileBytes += encoded.length;
    this.#options.onResized(encoded.length);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#mark();
    if (this.#isResting) this.#close();
  }

  /** Nothing is pending: what has been counted is in the file. */
  #mark(): void {
    const last = this.#marks.at(-1)?.before.all ?? 0;
    if (this.#counts.all - last >= markEveryBytes) this.#marks.push({ at: this.#fileBytes, before: this.#counts });
  }

  /** Gives up all that was kept, and keeps nothing from now on: to make room for others, or as nobody can ask for it any more. */
  drop(why: "room" | "end"): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#droppedFor = why;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#close();
    if (this.#fileBytes > 0) {
      removeIfMay(this.#options.path);
      this.#options.onResized(-this.#fileBytes);
    }
    this.#fileBytes = 0;
  }

  /**
   * What there is of `source` from `offset` on, in pieces of at most 64 KiB, up to what has come when the last of them is taken. Ends early if
   * the output is dropped meanwhile.
   *
   * Throws what reading the file throws.
   */
  async *read(source: Source, offset: number): AsyncGenerator<Chunk, void, undefined> {
    const mark = this.#marks.findLast(({ before }) => before[source] <= offset) ?? { at: 0, before: nothing };
    let position = mark.before[source];
    const cut = ({ stream, bytes }: Piece): Chunk | undefined => {
      if (source !== "all" && stream !== source) return undefined;
      const begin = position;
      position += bytes.length;
      const skip = Math.max(0, offset - begin);
      return skip < bytes.length ? { stream, bytes: bytes.subarray(skip), offset: begin + skip } : undefined;
    };
    let at = mark.at;
    while (at < this.#fileBytes && !this.#isDropped) {
      await using file = await open(this.#options.path);
      while (at < this.#fileBytes && !this.#isDropped) {
        const buffer = Buffer.allocUnsafe(Math.min(readBytes, this.#fileBytes - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        const { pieces, takenBytes } = decodePieces(buffer.subarray(0, bytesRead));
        if (takenBytes === 0) return;
        at += takenBytes;
        for (const piece of pieces) {
          const chunk = cut(piece);
          if (chunk !== undefined) yield chunk;
        }
      }
    }
    // Nothing was waited for since the file was at its end: what is pending comes right behind it.
    for (const piece of [...this.#pending]) {
      const chunk = cut(piece);
      if (chunk !== undefined) yield chunk;
    }
  }
}

function plus(counts: Counts, stream: Stream, bytes: number): Counts {
  const { all, stdout, stderr } = counts;
  return stream === "stdout"
    ? { all: all + bytes, stdout: stdout + bytes, stderr }
    : { all: all + bytes, stdout, stderr: stderr + bytes };
}

/** None where there is no file; up to the first that is not whole. */
function piecesIn(path: string): readonly Piece[] {
  try {
    return decodePieces(readFileSync(path)).pieces;
  } catch {
    return [];
  }
}

function openFile(path: string, isNew: boolean): number {
  if (isNew) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSync(path, isNew ? "w" : "r+", 0o600);
}
