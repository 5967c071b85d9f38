// The operations that a relay has been asked for and has not yet confirmed, in the order of their numbers, and the requests that carry them.

import { deflateRawSync } from "node:zlib";

type Operation = readonly [number: number, what: string, ...arguments: readonly unknown[]];

/** Bounds the operations of one request, in bytes of JSON, but for a single one. */
const requestLimit = 256 * 1024;
/** What is worth deflating. Bytes. */
const deflateBytes = 4 * 1024;
/** Bounds what goes through a command's argument, in characters: Linux takes 128 KiB. */
const besideLimit = 96 * 1024;

export type Batch = {
  readonly operations: readonly Operation[];
  /** The last one's number; of an empty batch, that of the last one before. */
  readonly lastNumber: number;
  /** Others do not fit. */
  readonly hasMore: boolean;
};

export class Operations {
  /** Bounded by what runs write: their sources, a text of each, and a few signals. */
  #unconfirmed: Operation[] = [];
  #lastNumber = 0;
  #sentBeside = 0;

  get isEmpty(): boolean {
    return this.#unconfirmed.length === 0;
  }

  add(what: string, ...operands: readonly unknown[]): number {
    this.#lastNumber += 1;
    this.#unconfirmed.push([this.#lastNumber, what, ...operands]);
    return this.#lastNumber;
  }

  isConfirmed(number: number): boolean {
    return !this.#unconfirmed.some(([unconfirmed]) => unconfirmed === number);
  }

  /** All up to that number have been carried out. */
  confirm(number: number): void {
    this.#unconfirmed = this.#unconfirmed.filter(([unconfirmed]) => unconfirmed > number);
  }

  /** The first ones, as many as fit into one request. */
  next(): Batch {
    const operations = upTo(requestLimit, this.#unconfirmed);
    const lastNumber = operations.at(-1)?.[0] ?? this.#lastNumber;
    return { operations, lastNumber, hasMore: operations.length < this.#unconfirmed.length };
  }

  /**
   * A request with those behind that number, to go past one that is held back; undefined if all have gone so already. What is too long for this way goes
   * with the next request: this one then only asks that the other be answered soon.
   */
  beside(number: number): string | undefined {
    const operations = this.#unconfirmed.filter(([later]) => later > number && later > this.#sentBeside);
    if (operations.length === 0) return undefined;
    this.#sentBeside = operations.at(-1)?.[0] ?? this.#sentBeside;
    const request = encode({ o: operations });
    return request.length <= besideLimit ? request : encode({ o: [] });
  }
}

/** A long one is deflated, and says so: the portal's Python reads it byte by byte. */
export function encode(message: object): string {
  const json = Buffer.from(JSON.stringify(message));
  return json.length < deflateBytes ? json.toString("base64") : `~${deflateRawSync(json).toString("base64")}`;
}

/** The first operations that fit; always at least one. */
function upTo(limit: number, operations: readonly Operation[]): readonly Operation[] {
  let size = 0;
  const count = operations.findIndex((operation) => {
    size += Buffer.byteLength(JSON.stringify(operation));
    return size > limit;
  });
  return count < 0 ? operations : operations.slice(0, Math.max(1, count));
}
