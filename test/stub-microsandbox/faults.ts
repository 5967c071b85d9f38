// Faults that can be switched on: what a broken server, network or machine does to one request.

export type Fault = {
  /**
   * - `hang`: no answer, ever.
   * - `half`: the answer breaks off in the middle.
   * - `wrong_json`: status 200 and no JSON.
   * - `wrong_shape`: status 200 and JSON of another shape.
   * - `error`: 500/5002 without anything having been done.
   * - `drop`: the request is carried out and its answer thrown away with the connection.
   * - `die`: the sandbox named by the request dies `afterMs` after the request has come.
   */
  readonly kind: "hang" | "half" | "wrong_json" | "wrong_shape" | "error" | "drop" | "die";
  /** The JSON-RPC method, or "health"; every request without. */
  readonly method?: string;
  /** Strike each Nth matching request; default 1. */
  readonly every?: number;
  /** Strike so many times at most; default without end. */
  readonly times?: number;
  readonly afterMs?: number;
};

export const faultKinds: readonly Fault["kind"][] = [
  "hang",
  "half",
  "wrong_json",
  "wrong_shape",
  "error",
  "drop",
  "die",
];

/** Which fault, if any, strikes a request. */
export class Faults {
  #armed: { readonly fault: Fault; seen: number; struck: number }[] = [];

  set(faults: readonly Fault[]): void {
    this.#armed = faults.map((fault) => ({ fault, seen: 0, struck: 0 }));
  }

  strike(method: string): Fault | null {
    for (const entry of this.#armed) {
      if (entry.fault.method !== undefined && entry.fault.method !== method) {
        continue;
      }
      entry.seen += 1;
      if (
        entry.seen % (entry.fault.every ?? 1) === 0 &&
        entry.struck < (entry.fault.times ?? Number.POSITIVE_INFINITY)
      ) {
        entry.struck += 1;
        return entry.fault;
      }
    }
    return null;
  }
}
