// What is not in an archive, or was not unpacked from one, and why: counted, and the first of it told by name.

import { maxToldNames } from "./limits.ts";

export class LeftOut {
  readonly #told: string[] = []; // at most maxToldNames
  #count = 0;

  add(name: string, why: string): void {
    this.#count++;
    if (this.#told.length < maxToldNames) this.#told.push(`${name}: ${why}`);
  }

  get count(): number {
    return this.#count;
  }

  get told(): readonly string[] {
    return this.#told;
  }

  /** A line each, and how many more there are. */
  get text(): string {
    const more = this.#count - this.#told.length;
    return [...this.#told, ...(more > 0 ? [`and ${more} more`] : [])].map((line) => `${line}\n`).join("");
  }
}
