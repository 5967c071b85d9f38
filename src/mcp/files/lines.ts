// A window onto the lines of a text that comes in pieces: what is before it is counted, what is behind it is not looked at.

import { encodedBytes } from "../../sessions/executions/encoded.ts";
import { brokenEndBytes } from "../../sessions/executions/utf8.ts";
import type { Encoding } from "./content.ts";

export type WindowOptions = {
  /** How many lines are passed over. */
  readonly skip: number;
  readonly maxLines: number;
  /** Of all lines that are shown, in UTF-8. */
  readonly maxBytes: number;
  /** Of all lines that are shown, as JSON. */
  readonly maxEncodedBytes: number;
  /** A longer line is cut. */
  readonly maxLineBytes: number;
  readonly encoding: Encoding;
  /** What stands before a line; `index` counts from 0 at the first one that is shown. */
  readonly prefix?: ((index: number) => string) | undefined;
};

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class LineWindow {
  readonly #options: WindowOptions;
  readonly #shown: string[] = [];
  #passed = 0;
  #bytes = 0;
  #encodedBytes = 0;
  /** Of the line that has begun: its beginning, and how long it is so far. */
  #line: Uint8Array[] = [];
  #keptBytes = 0;
  #lineBytes = 0;
  #isInPassed = false;
  #isFull = false;
  #cutLines = 0;
  #crlfLines = 0;
  #hasForeignBytes = false;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  /** With their line breaks, as they are. */
  get text(): string {
    return this.#shown.join("");
  }

  get count(): number {
    return this.#shown.length;
  }

  /** Lines before the window that have gone by, one that has begun included. */
  get passed(): number {
    return this.#passed + (this.#isInPassed ? 1 : 0);
  }

  /** There is more behind the window. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get cutLines(): number {
    return this.#cutLines;
  }

  get endsInCrlf(): boolean {
    return this.#crlfLines > 0;
  }

  /** Bytes that are no part of UTF-8 are shown as U+FFFD. */
  get hasForeignBytes(): boolean {
    return this.#hasForeignBytes;
  }

  /** No more is to be added once it is full. */
  add(piece: Uint8Array): void {
    let at = this.#pass(piece);
    while (at < piece.length && !this.#isFull) {
      const end = piece.indexOf(lineFeed, at);
      const stop = end < 0 ? piece.length : end + 1;
      this.#take(piece.subarray(at, stop));
      if (end >= 0 && !this.#isFull) this.#endLine();
      at = stop;
    }
  }

  /** The text has ended: what there is of a last line without a line break is one. */
  end(): void {
    if (this.#lineBytes > 0 && !this.#isFull) this.#endLine();
  }

  /** Where the window begins in the piece. */
  #pass(piece: Uint8Array): number {
    const { skip } = this.#options;
    if (this.#passed >= skip || piece.length === 0) return 0;
    let count = this.#passed;
    let at = 0;
    // A loop is several times faster than a search for each of many short lines.
    for (; at < piece.length && count < skip; at++) if (piece[at] === lineFeed) count++;
    this.#passed = count;
    this.#isInPassed = count < skip && piece[at - 1] !== lineFeed;
    return at;
  }

  #take(bytes: Uint8Array): void {
    if (this.#lineBytes === 0 && this.count >= this.#options.maxLines) {
      this.#isFull = true;
      return;
    }
    this.#lineBytes += bytes.length;
    const room = this.#options.maxLineBytes - this.#keptBytes;
    if (room <= 0) return;
    const kept = bytes.slice(0, room);
    this.#line.push(kept);
    this.#keptBytes += kept.length;
  }

  #endLine(): void {
    const kept = Buffer.concat(this.#line, this.#keptBytes);
    const leftOutBytes = this.#lineBytes - kept.length;
    this.#line = [];
    this.#keptBytes = 0;
    this.#lineBytes = 0;
    const text = leftOutBytes === 0 ? this.#decode(kept) : this.#cut(kept, leftOutBytes);
    const line = `${this.#options.prefix?.(this.count) ?? ""}${text}`;
    const bytes = Buffer.byteLength(line);
    const lineEncodedBytes = encodedBytes(line);
    const { maxBytes, maxEncodedBytes } = this.#options;
    const fits = this.#bytes + bytes <= maxBytes && this.#encodedBytes + lineEncodedBytes <= maxEncodedBytes;
    if (!fits && this.count > 0) {
      this.#isFull = true;
      return;
    }
    if (leftOutBytes > 0) this.#cutLines++;
    if (kept.at(-1) === lineFeed && kept.at(-2) === carriageReturn) this.#crlfLines++;
    this.#bytes += bytes;
    this.#encodedBytes += lineEncodedBytes;
    this.#shown.push(line);
  }

  #cut(kept: Buffer, leftOutBytes: number): string {
    const broken = this.#options.encoding === "windows-1252" ? 0 : brokenEndBytes(kept);
    const whole = kept.subarray(0, kept.length - broken);
    return `${this.#decode(whole)}[… ${leftOutBytes + broken} bytes of this line left out]\n`;
  }

  #decode(line: Uint8Array): string {
    const { encoding } = this.#options;
    if (encoding === "windows-1252") return new TextDecoder(encoding).decode(line);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(line);
    if (text.includes("\ufffd") && !Buffer.from(text).equals(line)) this.#hasForeignBytes = true;
    return text;
  }
}
