// Carries requests to a sandbox's relay and its answers back, over the server's two calls into a sandbox. Decides when a request is
// sent again and when the sandbox is given up.

import type { Clock } from "../../clock.ts";
import { Gone } from "../linked/gone.ts";
import type { CommonLanguage } from "../templates.ts";
import type { Answers, OutputLine, Page } from "./answers.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { inquire } from "./inquiry.ts";

export type CourierOptions = {
  readonly client: Client;
  readonly address: Address;
  readonly owner: string;
  readonly language: CommonLanguage;
  readonly answers: Answers;
  readonly clock: Clock;
  /** Aborts when the sandbox is disposed. */
  readonly signal: AbortSignal;
  /** The folder in the guest where the relay has its side FIFO. */
  readonly folder: string;
  /** How long a server that cannot be reached may stay away in mid-run, in milliseconds. */
  readonly patienceMs: number;
};

export type Courier = {
  exchange(request: string, nonce: string, waitMs: number, isIdle: () => boolean): Promise<Page>;
  beside(request: string): Promise<void>;
};

/** What the portal's limit has beyond the time that the relay may hold a request back, in seconds. */
const portalSlackS = 5;
/** How many bytes of a request the portal's interpreter reads in a second at least: each costs it a call of the system's. */
const portalBytesPerS = 64 * 1024;
/** What our own deadline has beyond the portal's limit (rule 5). */
const deadlineSlackMs = 3_000;
/** How often a request is sent to a sandbox that the server says is running, before it is given up. */
const attemptLimit = 3;
/** How long a run goes on with a server that does not answer in time: it has much to do. Milliseconds. */
const slownessLimitMs = 120_000;
const besideTimeoutS = 5;

export function createCourier(options: CourierOptions): Courier {
  const { client, address, owner, language, answers, clock, signal } = options;

  /** Throws Gone, or resolves when the request should be sent again. `sinceMs` is null where nobody waits for it. */
  async function consider(error: CallError, attempt: number, sinceMs: number | null): Promise<void> {
    if (error.problem === "unauthorized" || error.problem === "forbidden") {
      throw new Gone("the microsandbox server refuses the API key", { call: error });
    }
    if (error.problem === "malformed" && attempt >= attemptLimit) {
      throw new Gone("the microsandbox server's answers cannot be understood", { call: error });
    }
    const state = await inquire(client, address, signal);
    if (state === "ended") {
      throw new Gone("it ended underneath, as the microsandbox server says");
    }
    const waitedMs = sinceMs === null ? 0 : clock.monotonicMs() - sinceMs;
    if (state === "unreachable" && waitedMs >= options.patienceMs) {
      throw new Gone("the microsandbox server cannot be reached", { call: error });
    }
    if (state === "slow") {
      if (waitedMs >= slownessLimitMs) {
        throw new Gone("the microsandbox server is too slow to be used", { call: error });
      }
    } else if (state !== "unreachable" && attempt >= attemptLimit) {
      throw new Gone("its portal does not answer", { call: error.problem === "internal" ? null : error });
    }
    await clock.sleep(Math.min(100 * 2 ** Math.min(attempt, 4), 1000), signal);
  }

  return {
    exchange: async (request, nonce, waitMs, isIdle) => {
      const timeoutS = Math.ceil(waitMs / 1000 + request.length / portalBytesPerS) + portalSlackS;
      const call = { deadlineMs: timeoutS * 1000 + deadlineSlackMs, signal };
      const line = `__msb(${JSON.stringify(owner)}, '${request}')`;
      let firstFailureMs: number | null = null;
      for (let attempt = 1; ; attempt += 1) {
        try {
          return readPage(await client.evaluate(address, language, line, timeoutS, call), nonce, answers);
        } catch (error) {
          if (!(error instanceof CallError)) throw error;
          firstFailureMs = isIdle() ? null : (firstFailureMs ?? clock.monotonicMs());
          await consider(error, attempt, firstFailureMs);
        }
      }
    },
    beside: async (request) => {
      const argv = ["sh", "-c", 'printf "%s\\n" "$1" > "$2"', "sh", request, `${options.folder}/side`];
      try {
        await client.command(address, argv, besideTimeoutS, { deadlineMs: 2 * besideTimeoutS * 1000, signal });
      } catch {
        // What was to be said is said again with the next request.
      }
    },
  };
}

/** The relay's answer among the lines that the portal gives: by the nonce, so that nothing else can be taken for it. */
function readPage(output: readonly OutputLine[], nonce: string, answers: Answers): Page {
  const line = output.find(({ stream, text }) => stream === "stdout" && text.startsWith(nonce));
  if (line === undefined) {
    if (output.some(({ text }) => text === "msb-not-yours")) {
      throw new Gone("the machine of another session answers under its name");
    }
    const relayEnded = output.some(({ text }) => text === "msb-relay-gone");
    // After a timeout the portal's interpreter is poisoned (rule 5), and with it goes the only way to the relay.
    throw new Gone(
      relayEnded ? "the program that runs executions in it was killed" : "its interpreter does not answer",
    );
  }
  const page = parse(line.text.slice(nonce.length));
  if (!answers.page.is(page)) {
    throw new Gone(`${answers.page.name} has ${answers.page.firstProblem(page)}`);
  }
  return page;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
