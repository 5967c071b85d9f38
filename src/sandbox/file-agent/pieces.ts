// Content of any pieces as pieces of one size: small ones are joined, large ones cut.

export class Pieces {
  readonly #sizeBytes: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** Those that are full. What waits is a copy: its maker may use the memory again. */
  *add(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + this.#sizeBytes - this.#waitingBytes);
      at += piece.length;
      if (piece.length === this.#sizeBytes) {
        yield piece;
        continue;
      }
      this.#waiting.push(piece.slice());
      this.#waitingBytes += piece.length;
      if (this.#waitingBytes === this.#sizeBytes) yield* this.rest();
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#waitingBytes === 0) return;
    const piece = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    yield piece;
  }
}
