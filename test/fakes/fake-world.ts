// Where sandboxes of fake hosts live on when the process that made them has gone: what a hypervisor or a remote server is to a real one.

import { Failure } from "../../src/failure.ts";
import type { Survivor } from "../../src/sandbox/port.ts";
import type { ToyMachine } from "./toy-language.ts";

export type FakeMachine = {
  readonly name: string;
  readonly sessionId: string;
  readonly installation: string;
  readonly createdAtMs: number;
  readonly machine: ToyMachine;
};

export class FakeWorld {
  /** All that exist, of all installations. */
  readonly machines = new Map<string, FakeMachine>();
  /** Whether runs outlive the process that began them. */
  doRunsLast = false;
  /** While true, nothing that is asked of it is answered. */
  isSilent = false;
  /** Names that cannot be taken over. */
  readonly stubborn = new Set<string>();

  /** Names that cannot be ended. */
  readonly immortal = new Set<string>();

  survivorsOf(installation: string): readonly Survivor[] {
    this.#answer();
    return [...this.machines.values()]
      .filter((machine) => machine.installation === installation)
      .map(({ name, sessionId, createdAtMs }) => ({ name, sessionId, createdAtMs }));
  }

  /** Throws Failure `sandbox_creation` if it cannot be had. */
  find(name: string, installation: string): FakeMachine {
    this.#answer();
    const found = this.machines.get(name);
    if (found === undefined || found.installation !== installation || this.stubborn.has(name)) {
      throw new Failure("sandbox_creation", `The sandbox ${name} cannot be taken over.`);
    }
    return found;
  }

  destroy(name: string, installation: string): void {
    this.#answer();
    const found = this.machines.get(name);
    if (found?.installation !== installation) return;
    if (this.immortal.has(name)) throw new Failure("connection", `The sandbox ${name} does not end.`);
    for (const kill of found.machine.processes.values()) kill();
    this.machines.delete(name);
  }

  #answer(): void {
    if (this.isSilent) throw new Failure("connection", "The fake world does not answer.");
  }
}
