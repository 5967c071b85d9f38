// What of one stream an answer has: all of it while it is short, else its head and its tail, and in the gap how much is missing.

import { brokenEndBytes, brokenStartBytes } from "./utf8.ts";

/** UTF-8 text of one stream; `truncatedBytes` were left out of its middle, at a line that says so. */
export type Captured = {
  readonly text: string;
  readonly truncatedBytes: number;
  /** Where in the text the offsets are that were asked for, in UTF-16 code units; those in the gap are behind its line. */
  readonly places: readonly number[];
};

/** The line in the gap, without its end: so many bytes are left out, from that offset on. */
export type TellGap = (leftOutBytes: number, offset: number) => string;

/** Keeps at most `capBytes` bytes: the first half of that and the last half. */
export class OutputCapture {
  readonly #headCapBytes: number;
  readonly #tailCapBytes: number;
  /** At most `headCapBytes` bytes. */
  readonly #head: Uint8Array[] = [];
  #headBytes = 0;
  /** A ring of `tailCapBytes` bytes, made when the head is full. */
  #tail: Uint8Array | undefined;
  /** Bytes that ever went into the ring. */
  #tailBytes = 0;

  constructor(capBytes: number) {
    this.#headCapBytes = Math.ceil(capBytes / 2);
    this.#tailCapBytes = capBytes - this.#headCapBytes;
  }

  get totalBytes(): number {
    return this.#headBytes + this.#tailBytes;
  }

  push(bytes: Uint8Array): void {
    const room = this.#headCapBytes - this.#headBytes;
    if (room > 0) {
      // A copy, because a short view would keep the reader's whole buffer alive.
      const part = bytes.slice(0, room);
      this.#head.push(part);
      this.#headBytes += part.length;
    }
    if (bytes.length > room) this.#pushTail(bytes.subarray(Math.max(room, 0)));
  }

  /** So many bytes came that it is not given: at least as many follow as it keeps of the end. */
  skip(bytes: number): void {
    if (bytes === 0) return;
    this.#tail ??= new Uint8Array(this.#tailCapBytes);
    this.#tailBytes += bytes;
  }

  /** `offsets`: bytes of the stream, whose places in the text are to be told. */
  read(tellGap: TellGap, offsets: readonly number[] = []): Captured {
    const head = Buffer.concat(this.#head);
    if (this.#tail === undefined) return wholeOf(head, offsets);
    const tail = this.#readTail(this.#tail);
    if (this.#tailBytes <= this.#tailCapBytes) return wholeOf(Buffer.concat([head, tail]), offsets);
    const wholeHead = linesAtStart(head.subarray(0, head.length - brokenEndBytes(head)));
    const wholeTail = linesAtEnd(tail.subarray(brokenStartBytes(tail)));
    const truncatedBytes = this.totalBytes - wholeHead.length - wholeTail.length;
    const start = decoder.decode(wholeHead);
    const gap = `${start === "" || start.endsWith("\n") ? "" : "\n"}${tellGap(truncatedBytes, wholeHead.length)}\n`;
    const tailFrom = this.totalBytes - wholeTail.length;
    const places = offsets.map((offset) => {
      if (offset <= wholeHead.length) return unitsBefore(wholeHead, offset);
      return start.length + gap.length + unitsBefore(wholeTail, offset - tailFrom);
    });
    return { text: start + gap + decoder.decode(wholeTail), truncatedBytes, places };
  }

  #pushTail(bytes: Uint8Array): void {
    const cap = this.#tailCapBytes;
    this.#tail ??= new Uint8Array(cap);
    const kept = bytes.length > cap ? bytes.subarray(bytes.length - cap) : bytes;
    this.#tailBytes += bytes.length;
    if (cap === 0) return;
    const start = (this.#tailBytes - kept.length) % cap;
    const untilEnd = Math.min(kept.length, cap - start);
    this.#tail.set(kept.subarray(0, untilEnd), start);
    this.#tail.set(kept.subarray(untilEnd), 0);
  }

  #readTail(ring: Uint8Array): Uint8Array {
    if (this.#tailBytes <= this.#tailCapBytes) return ring.subarray(0, this.#tailBytes);
    const start = this.#tailBytes % this.#tailCapBytes;
    return Buffer.concat([ring.subarray(start), ring.subarray(0, start)]);
  }
}

const decoder = new TextDecoder();

function wholeOf(bytes: Uint8Array, offsets: readonly number[]): Captured {
  const places = offsets.map((offset) => unitsBefore(bytes, offset));
  return { text: decoder.decode(bytes), truncatedBytes: 0, places };
}

function unitsBefore(bytes: Uint8Array, offset: number): number {
  return decoder.decode(bytes.subarray(0, Math.max(0, offset))).length;
}

const newline = 0x0a;
/** The end of a line is a better place to cut, where it costs no more than this part of what is kept. */
const lineShare = 1 / 8;

function linesAtStart(bytes: Uint8Array): Uint8Array {
  const end = bytes.lastIndexOf(newline) + 1;
  return bytes.length - end <= bytes.length * lineShare ? bytes.subarray(0, end) : bytes;
}

function linesAtEnd(bytes: Uint8Array): Uint8Array {
  const start = bytes.indexOf(newline) + 1;
  return start <= bytes.length * lineShare ? bytes.subarray(start) : bytes;
}
