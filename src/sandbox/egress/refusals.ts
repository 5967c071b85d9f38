// What was refused to one sandbox, for the runs that it happened in.

import { describeNetwork, type NetworkPolicy } from "../network.ts";
import type { Refusal, Target } from "./verdict.ts";

/** Kept in all; and told a run, of different ones. RunEnd.notices has 10 places. */
const maxKept = 256;
const maxTold = 8;
/** Of a policy that is told, characters; a host's name has 253 at most. */
const maxPolicyLength = 200;

export class Refusals {
  readonly #policy: string;
  readonly #kept: { readonly text: string; readonly number: number }[] = [];
  #count = 0;

  constructor(policy: NetworkPolicy) {
    const text = describeNetwork(policy);
    this.#policy = text.length > maxPolicyLength ? `${text.slice(0, maxPolicyLength - 1)}…` : text;
  }

  /** Answers with it in words. */
  add(target: Target | undefined, { why }: Refusal): string {
    const what = target === undefined ? "a connection" : shown(target);
    const text = `the network policy ${this.#policy} refused ${what}: ${why}`;
    this.#count += 1;
    this.#kept.push({ text, number: this.#count });
    if (this.#kept.length > maxKept) this.#kept.shift();
    return text;
  }

  /** For `since`. */
  get mark(): number {
    return this.#count;
  }

  /** A sentence for each, in the order of their first; the last tells how many others there were. */
  since(mark: number): readonly string[] {
    const counts = new Map<string, number>();
    for (const { text, number } of this.#kept) if (number > mark) counts.set(text, (counts.get(text) ?? 0) + 1);
    const told = [...counts].slice(0, maxTold);
    const rest = this.#count - mark - told.reduce((sum, [, count]) => sum + count, 0);
    return [
      ...told.map(([text, count]) => (count === 1 ? `[${text}]` : `[${text}; ${count} times]`)),
      ...(rest > 0 ? [`[the network policy refused ${rest} more]`] : []),
    ];
  }
}

function shown({ host, port }: Target): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
