// An answer in lines of JSON, as it comes in pieces.

/** An answer has 900,000 bytes at most, each up to six times as JSON, and a file of a resource in base64. */
const maxLineLength = 16 * 1024 * 1024;

export class Lines {
  #unread: string[] = [];
  #length = 0;

  /** The lines that end in this piece. Throws for one that is too long, and for what is no JSON. */
  push(piece: string): readonly unknown[] {
    const parts = piece.split("\n");
    const rest = parts.pop() ?? "";
    const lines = parts.map((part) => JSON.parse(this.#take(part)) as unknown);
    this.#length += rest.length;
    if (this.#length > maxLineLength) throw new Error(`a node's answer has a line of more than ${maxLineLength} bytes`);
    if (rest !== "") this.#unread.push(rest);
    return lines;
  }

  #take(end: string): string {
    const line = this.#unread.length === 0 ? end : [...this.#unread, end].join("");
    this.#unread = [];
    this.#length = 0;
    return line;
  }
}
