// What is written to one run's standard input, on its way to the guest: in pieces, each of which waits until the one before has been taken.

import type { Message } from "./messages.ts";

/** Characters of a piece: what a pipe of the guest's holds of ASCII, and a message that is not in an interrupt's way for long. */
const pieceLength = 64 * 1024;

export class RunInput {
  readonly #say: (message: Message) => void;
  readonly #id: string;
  #last: Promise<void> = Promise.resolve();
  #number = 0;
  /** The piece that is under way. */
  #waiting: PromiseWithResolvers<void> | null = null;
  #isOpen = true;

  constructor(id: string, say: (message: Message) => void) {
    this.#id = id;
    this.#say = say;
  }

  /** Behind what was written before. Resolves when the guest has taken all of it, or never will. Never rejects. */
  write(text: string): Promise<void> {
    this.#last = this.#last.then(() => this.#write(text));
    return this.#last;
  }

  /** What was written before still goes in. */
  close(): void {
    void this.#last.then(() => {
      if (this.#isOpen) this.#say({ close_input: this.#id });
      this.#isOpen = false;
    });
  }

  /** The guest has taken a piece. */
  took(number: number): void {
    if (number === this.#number) this.#waiting?.resolve();
  }

  /** The run is over. */
  end(): void {
    this.#isOpen = false;
    this.#waiting?.resolve();
  }

  async #write(text: string): Promise<void> {
    for (let at = 0; at < text.length && this.#isOpen; ) {
      const piece = pieceAt(text, at);
      at += piece.length;
      this.#number += 1;
      this.#waiting = Promise.withResolvers();
      this.#say({ input: this.#id, number: this.#number, text: piece });
      await this.#waiting.promise;
    }
  }
}

/** Never a half of a character that is two code units. */
function pieceAt(text: string, at: number): string {
  const end = at + pieceLength;
  const isWithin = end < text.length && (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return text.slice(at, isWithin ? end - 1 : end);
}
