// Callers of a server that is killed again and again: they open sessions, use those of before, and hold each answer against what they know.

import { expect } from "bun:test";
import type { Random } from "../model/random.ts";
import type { KilledServer } from "./killed-server.ts";

type Known = { readonly id: string; readonly value: string; readonly round: number };

/** How many sessions back a caller remembers. */
const memory = 30;

export class Callers {
  readonly known: Known[] = [];
  readonly #random: Random;
  readonly #outlive: boolean;
  readonly #heard = new Map<string, number>();
  /** Those whose interpreter was told to be a new one, to this caller or to one whose call was on at the same time. */
  readonly #restarted = new Set<string>();

  /** `outlive`: sandboxes do not end with the server that has made them. */
  constructor(random: Random, options: { readonly outlive: boolean }) {
    this.#random = random;
    this.#outlive = options.outlive;
  }

  /** One caller, until the signal aborts. */
  async use(server: KilledServer, round: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isOld = this.known.length > 0 && this.#random.next() < 0.6;
      if (isOld) await this.useOne(server, this.#random.pick(this.known.slice(-memory)), round);
      else await this.openOne(server, round);
    }
  }

  async openOne(server: KilledServer, round: number): Promise<void> {
    const value = `v${this.known.length}-${this.#random.below(1_000_000)}`;
    const answer = await server.run(`x = "${value}"; print(x)`);
    if (answer.kind === "refused") {
      expect(answer.code).toBeOneOf(["RESOURCE_LIMIT_EXCEEDED", "SANDBOX_CREATION_ERROR", "SESSION_NOT_FOUND"]);
      this.#hear(answer.code);
    }
    if (answer.kind !== "ran") return;
    expect(answer.created).toBe(true);
    expect(this.known.map(({ id }) => id)).not.toContain(answer.sessionId);
    if (answer.stdout === `${value}\n`) this.known.push({ id: answer.sessionId, value, round });
  }

  /** A session answers with its own state, or is told to be gone, and why. */
  async useOne(server: KilledServer, one: Known, round: number): Promise<void> {
    const answer = await server.run("print(x)", one.id);
    if (answer.kind === "none") return;
    if (answer.kind === "ran") {
      if (this.#outlive && (answer.restarted || this.#restarted.has(one.id))) {
        expect([answer.created, answer.stdout]).toEqual([false, ""]);
        expect(answer.stderr).toContain("NameError");
        if (!this.#restarted.has(one.id)) this.#hear("told restarted");
        this.#restarted.add(one.id);
        return;
      }
      expect([answer.created, answer.stdout, answer.stderr]).toEqual([false, `${one.value}\n`, ""]);
      if (!this.#outlive) expect(one.round).toBe(round);
      this.#hear(one.round === round ? "answers with their own state" : "answers with their own state after a kill");
      return;
    }
    expect(answer.code).toBeOneOf(["SESSION_NOT_FOUND", "CODE_EXECUTION_ERROR"]);
    if (answer.code !== "SESSION_NOT_FOUND") return;
    if (one.round < round) expect(answer.message).toMatch(/was lost|was evicted/);
    expect(answer.reason).toBeOneOf(["lost", "evicted", "shutdown"]);
    this.#hear(`told ${answer.reason}`);
  }

  /** How often what was heard. */
  heard(what: string): number {
    return this.#heard.get(what) ?? 0;
  }

  get summary(): string {
    return `${this.known.length} sessions; ${[...this.#heard].map(([what, times]) => `${times} ${what}`).join(", ")}`;
  }

  #hear(what: string): void {
    this.#heard.set(what, this.heard(what) + 1);
  }
}
