// What callers are told of a sandbox that could not be had, or was lost, on a microsandbox server: what was asked for, what is known, and what to do.

import type { Clock } from "../../clock.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import { Gone } from "../linked/gone.ts";
import type { SandboxSpec } from "../port.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { toFailure } from "./failures.ts";
import { inquire, type SandboxState } from "./inquiry.ts";

export type TellingOptions = {
  readonly client: Client;
  /** Taken out of what the server says. */
  readonly apiKey: string | null;
  readonly startTimeoutMs: number;
  readonly clock: Clock;
};

export type Telling = {
  /** The time for a start is over, and the server has not said that it has started. `pending`: starts that are under way. */
  tooSlow(spec: SandboxSpec, isAsked: boolean, pending: number, cause: unknown): Failure;
  /** Nothing came of a start, at this address where it had one. */
  creationFailure(error: unknown, spec: SandboxSpec, address: Address | null): Promise<Failure>;
  goneFailure(gone: Gone, kind: FailureKind): Failure;
  failure(error: CallError, otherwise: FailureKind, what: string): Failure;
};

export function createTelling({ client, apiKey, startTimeoutMs, clock }: TellingOptions): Telling {
  const { shownUrl } = client;
  const within = `within ${startTimeoutMs / 1000} seconds`;
  const failure: Telling["failure"] = (error, otherwise, what) =>
    toFailure(error, otherwise, what, { shownUrl, apiKey, nowMs: clock.now() });

  return {
    failure,
    tooSlow({ template }, isAsked, pending, cause) {
      const context = { server: shownUrl, image: template.serverImage, starts_under_way: pending };
      if (!isAsked) {
        const what = `The microsandbox server at ${shownUrl} had no place for a sandbox ${within}: ${pending} starts are under way.`;
        return new Failure("sandbox_creation", what, { advice: ["Call again in a minute."], context, cause });
      }
      const what = `The microsandbox server at ${shownUrl} did not start a sandbox of the image ${template.serverImage} ${within}. The start goes on: the first one of an image pulls it, which can take many minutes.`;
      const advice = [
        "Call again in a few minutes: the next call takes it over.",
        "Pull the image on the server's machine beforehand (`msb pull`), or raise --sandbox-start-timeout.",
      ];
      return new Failure("sandbox_creation", what, { advice, context, cause });
    },
    async creationFailure(error, { template }, address) {
      const what = `The microsandbox server at ${shownUrl} did not start a sandbox of the image ${template.serverImage}`;
      if (error instanceof Failure) return error;
      if (error instanceof CallError) {
        if (error.problem === "timeout") {
          return new Failure("sandbox_creation", `${what} ${within}.`, { cause: error });
        }
        const found = findings[address === null ? "unknown" : await inquire(client, address)];
        return failure(error, "sandbox_creation", `${what}; ${found}`);
      }
      if (error instanceof Gone) {
        return error.call instanceof CallError
          ? failure(error.call, "sandbox_creation", what)
          : new Failure("sandbox_creation", `${what}: ${error.message}.`, { cause: error });
      }
      return new Failure("sandbox_creation", `${what} whose interpreter works.`, { cause: error });
    },
    goneFailure(gone, kind) {
      const what = `The sandbox of this session was lost: ${gone.message}`;
      return gone.call instanceof CallError
        ? failure(gone.call, kind, what)
        : new Failure(kind, `${what}.`, { cause: gone });
    },
  };
}

/** What asking has found out about a start that the server calls failed without saying why (rule 8). */
const findings: Readonly<Record<SandboxState, string>> = {
  running: "it calls it running all the same",
  ended: "it answers, and calls it not running: the image may not exist, or may not have been pulled",
  unreachable: "it has stopped answering since",
  slow: "it has been too slow since to say what became of it",
  refused: "it refuses to say more",
  unknown: "it answers, and does not say what became of it",
};
