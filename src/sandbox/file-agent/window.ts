// How much is on its way to a program that has not yet answered: what would be too much waits, in order.

type Waiting = { readonly id: number; readonly bytes: number; readonly send: () => void };

export class Window {
  readonly #limitBytes: number;
  /** Bounded by who sends, and waits for the answers. */
  readonly #waiting: Waiting[] = [];
  readonly #sent = new Map<number, number>();
  #sentBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** What is larger than the limit goes alone. */
  send(id: number, bytes: number, send: () => void): void {
    this.#waiting.push({ id, bytes, send });
    this.#sendWhatFits();
  }

  answered(id: number): void {
    this.#sentBytes -= this.#sent.get(id) ?? 0;
    this.#sent.delete(id);
    this.#sendWhatFits();
  }

  /** Nothing more is sent. */
  clear(): void {
    this.#waiting.length = 0;
  }

  #sendWhatFits(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#sentBytes > 0 && this.#sentBytes + next.bytes > this.#limitBytes) return;
      this.#waiting.shift();
      this.#sent.set(next.id, next.bytes);
      this.#sentBytes += next.bytes;
      next.send();
    }
  }
}
