// What the guest's program says, taken apart: a line of JSON that tells of a number of bytes, and these. Anybody in the guest may say anything
// in its place, so all of it is bounded.

/** A line has a path in it, at worst with an escape for each of its 4,096 bytes, and a link's target. */
const maxLineBytes = 64 * 1024;
const maxDataBytes = 1024 * 1024;
const newline = 10;

export type Frame = { readonly header: Readonly<Record<string, unknown>>; readonly data: Uint8Array };

export class Frames {
  readonly #onFrame: (frame: Frame) => void;
  #line: Uint8Array[] = [];
  #lineBytes = 0;
  #header: Frame["header"] | null = null;
  #data = new Uint8Array();
  #dataBytes = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws for what is no frame. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      at += this.#header === null ? this.#takeLine(bytes.subarray(at)) : this.#takeData(bytes.subarray(at));
    }
  }

  #takeLine(bytes: Uint8Array): number {
    const end = bytes.indexOf(newline);
    const piece = end === -1 ? bytes : bytes.subarray(0, end);
    this.#lineBytes += piece.length;
    if (this.#lineBytes > maxLineBytes) throw new Error("a line is too long");
    this.#line.push(piece);
    if (end === -1) return piece.length;
    this.#header = parsed(Buffer.concat(this.#line).toString("utf8"));
    this.#line = [];
    this.#lineBytes = 0;
    const { bytes: dataBytes = 0 } = this.#header;
    if (typeof dataBytes !== "number" || !Number.isInteger(dataBytes) || dataBytes < 0 || dataBytes > maxDataBytes) {
      throw new Error("a number of bytes is none");
    }
    this.#data = new Uint8Array(dataBytes);
    this.#dataBytes = 0;
    if (dataBytes === 0) this.#tell(this.#header);
    return piece.length + 1;
  }

  #takeData(bytes: Uint8Array): number {
    const piece = bytes.subarray(0, this.#data.length - this.#dataBytes);
    this.#data.set(piece, this.#dataBytes);
    this.#dataBytes += piece.length;
    if (this.#dataBytes === this.#data.length && this.#header !== null) this.#tell(this.#header);
    return piece.length;
  }

  #tell(header: Frame["header"]): void {
    const data = this.#data;
    this.#header = null;
    this.#data = new Uint8Array();
    this.#onFrame({ header, data });
  }
}

function parsed(line: string): Frame["header"] {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a line is no object");
  return { ...value };
}
