// Input and signals for an execution's program, and why it cannot have them.

import { Failure } from "../../failure.ts";
import type { RunControl, RunSignal } from "../../sandbox/port.ts";

export type ExecutionStatus = "queued" | "running" | "ended";

export class Controls {
  readonly #executionId: string;
  readonly #stdin: "empty" | "open";
  #isInputOpen: boolean;
  /** One input at a time is on its way, so that what a program does not read takes no memory. */
  #isWriting = false;
  /** There while the program can be spoken to. */
  program: RunControl | undefined;

  /** `isInputOpen`: false of one that outlived the server that began it, with which its input came to its end. */
  constructor(executionId: string, stdin: "empty" | "open", isInputOpen: boolean) {
    this.#executionId = executionId;
    this.#stdin = stdin;
    this.#isInputOpen = stdin === "open" && isInputOpen;
  }

  /** Some of an input is on its way: its program has not read enough for that. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Gives text, closes the input behind it, or both. Throws Failure `invalid_arguments`, as the one below. */
  async input(status: ExecutionStatus, text: string | undefined, isLast: boolean): Promise<void> {
    const program = this.#reader(status);
    if (isLast) this.#isInputOpen = false;
    this.#isWriting = text !== undefined;
    try {
      if (text !== undefined) await program.write(text);
    } finally {
      this.#isWriting = false;
    }
    if (isLast) program.closeInput();
  }

  /** False if there is no program yet. */
  send(status: ExecutionStatus, signal: RunSignal): boolean {
    if (status === "ended") throw this.#refused(status, "signal", "it has ended");
    this.program?.send(signal);
    return this.program !== undefined;
  }

  #reader(status: ExecutionStatus): RunControl {
    if (status !== "ended" && this.program !== undefined && this.#isInputOpen && !this.#isWriting) return this.program;
    throw this.#refused(status, "input", this.#hindrance(status));
  }

  #hindrance(status: ExecutionStatus): string {
    if (status === "ended") return "it has ended";
    if (this.#stdin === "empty") return "it was started without stdin: true, so its standard input is empty";
    if (!this.#isInputOpen) return "its standard input has been closed";
    return this.#isWriting ? "it has not read its last input yet" : "it has not started yet";
  }

  #refused(status: ExecutionStatus, field: string, why: string): Failure {
    return new Failure("invalid_arguments", `${this.#executionId} cannot take ${field}: ${why}.`, {
      context: { execution_id: this.#executionId, status, fields: [{ field }] },
      advice: ["Look at it with get_execution."],
    });
  }
}
