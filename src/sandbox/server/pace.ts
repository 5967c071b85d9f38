// How long an answer of one kind may take: at least so long, and longer where the server has been seen to need longer. What is
// slow is not absent.

export class Pace {
  readonly #leastMs: number;
  readonly #mostMs: number;
  /** The slowest that was seen lately. */
  #slowestMs = 0;

  constructor(leastMs: number, mostMs: number) {
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
  }

  get deadlineMs(): number {
    return Math.min(this.#mostMs, Math.max(this.#leastMs, this.#slowestMs * headroom));
  }

  /** An answer came after so long, or had not come by then. */
  saw(ms: number): void {
    this.#slowestMs = Math.max(ms, this.#slowestMs * forgetting);
  }
}

const headroom = 3;
/** What a slow answer counts for after each one that came later. */
const forgetting = 0.8;
