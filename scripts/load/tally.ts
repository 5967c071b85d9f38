// What came back, counted; and what should not have.

/** Faults that are kept word for word. */
const maxFaults = 1000;

export class Tally {
  /** By what was asked and what came back. */
  readonly answers = new Map<string, number>();
  readonly wrong: string[] = [];
  /** Ids that a client was told had been evicted. */
  readonly evicted = new Set<string>();
  calls = 0;
  /** Calls that came back with the outcome of a run. */
  executions = 0;

  count(asked: string, answer: string): void {
    this.calls++;
    const key = `${asked}: ${answer}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }

  fault(what: string): void {
    if (this.wrong.length < maxFaults) this.wrong.push(what);
  }
}
