// What one stream of an execution produced: all of it while it is short, else its head and its tail and a count.

/** UTF-8 text of one stream; `truncatedBytes` were left out of its middle, at a line that says so. */
export type Captured = { readonly text: string; readonly truncatedBytes: number };

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

  read(): Captured {
    const head = Buffer.concat(this.#head);
    if (this.#tail === undefined) return { text: decoder.decode(head), truncatedBytes: 0 };
    const tail = this.#readTail(this.#tail);
    if (this.#tailBytes <= this.#tailCapBytes) {
      return { text: decoder.decode(Buffer.concat([head, tail])), truncatedBytes: 0 };
    }
    const wholeHead = linesAtStart(head.subarray(0, head.length - brokenEndBytes(head)));
    const wholeTail = linesAtEnd(tail.subarray(brokenStartBytes(tail)));
    const truncatedBytes = this.totalBytes - wholeHead.length - wholeTail.length;
    const start = decoder.decode(wholeHead);
    const gap = `${start.endsWith("\n") ? "" : "\n"}[… ${truncatedBytes} bytes left out …]\n`;
    return { text: start + gap + decoder.decode(wholeTail), truncatedBytes };
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

/** How many bytes at the start continue a character whose beginning was left out (UTF-8: 10xxxxxx, at most 3). */
function brokenStartBytes(bytes: Uint8Array): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count++;
  return count;
}

/** How many bytes at the end begin a character whose rest was left out. */
function brokenEndBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return characterBytes(byte) > back ? back : 0;
  }
  return 0;
}

/** How many bytes the character that begins with this byte has. */
function characterBytes(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}
