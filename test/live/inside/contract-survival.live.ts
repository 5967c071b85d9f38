// The microvm host keeps the contract, in real microVMs: they outlive the process that has made them, and the next one takes them over.

import { lastingContract } from "../../contract/lasting-contract.ts";
import { lastingShell } from "../../programs/shell.ts";
import { describeSubject } from "./contract.ts";
import { templateOf } from "./host.ts";
import { KilledHost } from "./killed-host.ts";

async function open() {
  await using stack = new AsyncDisposableStack();
  const ids = { ours: newId(), another: newId() };
  const parts = stack.move();
  return {
    host: (installation: "ours" | "another") => parts.use(new KilledHost(ids[installation])),
    kill: async (host: unknown) => {
      if (host instanceof KilledHost) await host.kill();
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function newId(): string {
  return crypto.randomUUID().slice(0, 8);
}

const survival = { open, canBeAdopted: true };
describeSubject("python", { parts: [], survival });
lastingContract({ name: "the microvm host", survival, template: templateOf("python"), commands: lastingShell });
