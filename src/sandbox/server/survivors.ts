// Sandboxes of this installation that the server still runs, whichever process of ours has started them. They can be found and
// ended; nobody can take one over, because what drives its interpreter has gone with its process.

import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import type { Survivors } from "../port.ts";
import { CallError } from "./call-error.ts";
import type { Client } from "./client.ts";
import { endForGood } from "./ending.ts";
import { parseSandboxName } from "./names.ts";

export type SurvivorsOptions = {
  readonly client: Client;
  readonly clock: Clock;
  /** As it stands in names (`installationTag`). */
  readonly installation: string;
  /** The only namespace that the key is good for; null for any. */
  readonly onlyNamespace: string | null;
  /** Aborts when this process is about to end. */
  readonly parting: AbortSignal;
};

/** The server walks every sandbox's files for this (reference section 8). Milliseconds. */
const listMs = 30_000;

export function createSurvivors(options: SurvivorsOptions): Survivors {
  const { client, clock, installation, onlyNamespace } = options;
  const isOurs = (name: string) => parseSandboxName(name)?.installation === installation;
  return {
    async list(signal) {
      // "*" lists other people's sandboxes too: ours are told by their names (rule 9).
      const address = { namespace: onlyNamespace ?? "*", sandbox: null };
      try {
        const { sandboxes } = await client.metrics(address, { deadlineMs: listMs, signal });
        // "Running" without memory is a supervisor that was killed: its entry stays for ever (hazard f).
        return sandboxes
          .filter(({ name, running, memory_usage }) => running && typeof memory_usage === "number" && isOurs(name))
          .map(({ name }) => ({ name, sessionId: parseSandboxName(name)?.sessionId ?? null, createdAtMs: null }));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        // A server that has never had a sandbox has no folder for them, and answers so.
        if (error.problem === "internal" || error.problem === "rejected") return [];
        throw silence(client.shownUrl, error);
      }
    },
    async adopt(name) {
      const what = `the sandbox ${name} on the microsandbox server was driven by a process that is gone.`;
      throw new Failure("sandbox_creation", what, { advice: [] });
    },
    async destroy(name, signal) {
      signal.throwIfAborted();
      if (!isOurs(name)) throw new Failure("connection", `${name} is not a sandbox of this installation.`);
      const address = { namespace: onlyNamespace ?? name, sandbox: name };
      const parting = AbortSignal.any([signal, options.parting]);
      if (await endForGood({ client, clock, address, parting, partingMs: 0 })) return;
      throw new Failure("connection", `the sandbox ${name} could not be stopped on the microsandbox server.`);
    },
  };
}

function silence(shownUrl: string, cause: CallError): Failure {
  return new Failure("connection", `the microsandbox server at ${shownUrl} does not tell what it runs.`, { cause });
}
