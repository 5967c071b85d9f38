// One run of the toy language as its caller and its signals see it: its input, and what it is told while it goes on.

import type { RunControl, RunRequest, RunSignal } from "../../src/sandbox/port.ts";

export type Told = RunSignal | "abort";

export class ToyRun implements RunControl {
  /** Background processes that it has started, by name. */
  readonly started = new Set<string>();
  readonly #request: RunRequest;
  readonly #told: RunSignal[] = [];
  #input = "";
  #isInputOpen: boolean;
  #isOver = false;
  #changed = Promise.withResolvers<void>();

  constructor(request: RunRequest) {
    this.#request = request;
    this.#isInputOpen = request.stdin === "open";
    request.signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  async write(text: string): Promise<void> {
    if (this.#isOver || !this.#isInputOpen) return;
    this.#input += text;
    this.#wake();
  }

  closeInput(): void {
    this.#isInputOpen = false;
    this.#wake();
  }

  send(signal: RunSignal): void {
    if (this.#isOver) return;
    this.#told.push(signal);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
  }

  /** What it has been told and has not yet taken notice of: an abort again and again. */
  heard(): Told | null {
    return this.#request.signal.aborted ? "abort" : (this.#told.shift() ?? null);
  }

  async nextTold(): Promise<Told> {
    for (;;) {
      const told = this.heard();
      if (told !== null) return told;
      await this.#changed.promise;
    }
  }

  /** A line of its input, or with `some` whatever there is; null at the end. Or what it is told before that comes. */
  async read(what: "line" | "some"): Promise<{ readonly text: string | null } | { readonly told: Told }> {
    for (;;) {
      const told = this.heard();
      if (told !== null) return { told };
      const end = what === "line" ? this.#input.indexOf("\n") : this.#input.length - 1;
      if (end >= 0) return { text: this.#take(end + 1) };
      if (!this.#isInputOpen) return { text: this.#input === "" ? null : this.#take(this.#input.length) };
      await this.#changed.promise;
    }
  }

  #take(characters: number): string {
    const text = this.#input.slice(0, characters);
    this.#input = this.#input.slice(characters);
    return text;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
