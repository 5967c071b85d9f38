// What a search tells, as grep -n writes it, up to a limit: the line that goes beyond it is cut.

import type { Line } from "./lines.ts";

/** What a line is told with, at most: a gap, its number, a mark. Bytes. */
const beforeTextBytes = 20;

export class FoundText {
  readonly #maxBytes: number;
  #bytes = 0;
  #lastNumber: number | undefined;
  readonly #parts: string[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  hasRoomFor(lines: readonly Line[]): boolean {
    const bytes = lines.reduce((sum, { bytes }) => sum + bytes.length + beforeTextBytes, 0);
    return this.#bytes + bytes <= this.#maxBytes;
  }

  get text(): string {
    return this.#parts.join("");
  }

  /** Lines are counted from 1 here, as people do. */
  add(number: number, mark: ":" | "-", text: string): void {
    if (this.#bytes >= this.#maxBytes) return;
    const gap = this.#lastNumber !== undefined && number > this.#lastNumber + 1 ? "--\n" : "";
    const line = `${gap}${number + 1}${mark}${text}`;
    const room = this.#maxBytes - this.#bytes;
    const isLong = line.length > room;
    const part = isLong ? `${line.slice(0, room).toWellFormed()} [… the rest of this line left out …]\n` : `${line}\n`;
    this.#parts.push(part);
    this.#bytes += Buffer.byteLength(part);
    this.#lastNumber = number;
  }
}
