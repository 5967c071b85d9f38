// Content of any pieces as pieces of one size: small ones are joined, large ones cut.

export class Pieces {
  readonly #sizeBytes: number;
  /** What waits is copied here: whoever made it may use the memory again. */
  #waiting: Uint8Array | null = null;
  #waitingBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** Those that are full. */
  *add(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + this.#sizeBytes - this.#waitingBytes);
      at += piece.length;
      if (piece.length === this.#sizeBytes) {
        yield piece;
        continue;
      }
      this.#waiting ??= new Uint8Array(this.#sizeBytes);
      this.#waiting.set(piece, this.#waitingBytes);
      this.#waitingBytes += piece.length;
      if (this.#waitingBytes === this.#sizeBytes) yield* this.rest();
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#waiting === null) return;
    const piece = this.#waiting.subarray(0, this.#waitingBytes);
    this.#waiting = null;
    this.#waitingBytes = 0;
    yield piece;
  }
}
