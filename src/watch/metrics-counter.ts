// A counter that costs next to nothing to add to: prom-client makes and hashes an object of labels each time, which is a twentieth of a quick
// call. Here what is added waits in a number, and is handed over when somebody looks. And its labels have a bounded number of values.

import type { Counter } from "prom-client";

/** Values of one label; further ones are told as "other". All of ours come from fixed sets and from the configuration: this is for the day one does not. */
const maxValues = 64;
/** Combinations of values that are found at once; others are looked at value by value. */
const maxFound = 4096;

type Cell = { added: number; readonly labels: Readonly<Record<string, string>> };

export class CheapCounter {
  readonly #counter: Counter;
  readonly #labels: readonly string[];
  /** By label, at most `maxValues` each. */
  readonly #known: readonly Set<string>[];
  /** By the values that are told. */
  readonly #cells = new Map<string, Cell>();
  /** By the values as they came, at most `maxFound`. */
  readonly #found = new Map<string, Cell>();
  #last: { readonly first: string; readonly second: string; readonly third: string; readonly cell: Cell } | undefined;

  constructor(counter: Counter, labels: readonly string[]) {
    this.#counter = counter;
    this.#labels = labels;
    this.#known = labels.map(() => new Set());
  }

  /** Label values in the order of the labels; three labels are the most. A count of 0 makes the series be there. */
  readonly add = (count: number, first = "", second = "", third = ""): void => {
    let last = this.#last;
    // What is counted is mostly like what was counted before, and a key takes longer to make than three words to compare.
    if (last === undefined || last.first !== first || last.second !== second || last.third !== third) {
      const values = [first, second, third].slice(0, this.#labels.length);
      const key = values.join("\n");
      last = { first, second, third, cell: this.#found.get(key) ?? this.#find(key, values) };
      this.#last = last;
    }
    last.cell.added += count;
  };

  /** Hands over what has been added since the last time. */
  settle(): void {
    for (const cell of this.#cells.values()) {
      if (cell.added === 0) continue;
      this.#counter.inc(cell.labels, cell.added);
      cell.added = 0;
    }
  }

  #find(key: string, values: readonly string[]): Cell {
    const shown = this.#labels.map((_, place) => bounded(values[place] ?? "", this.#known[place]));
    const shownKey = shown.join("\n");
    let cell = this.#cells.get(shownKey);
    if (cell === undefined) {
      const labels = Object.fromEntries(this.#labels.map((label, place) => [label, shown[place] ?? ""]));
      cell = { added: 0, labels };
      this.#cells.set(shownKey, cell);
      this.#counter.inc(labels, 0);
    }
    if (this.#found.size < maxFound) this.#found.set(key, cell);
    return cell;
  }
}

function bounded(value: string, known: Set<string> | undefined): string {
  if (known === undefined || known.has(value)) return value;
  if (known.size >= maxValues) return "other";
  known.add(value);
  return value;
}
