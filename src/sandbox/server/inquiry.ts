// Asking the server what has become of a sandbox, since its 500 says nothing (rule 8); and ending one for good.

import type { Clock } from "../../clock.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";

export type SandboxState = "running" | "ended" | "unreachable" | "refused" | "unknown";

const inquiryMs = 3_000;
/** How long a stop may take until the server says that the sandbox does not run: it only signals its supervisor. */
const endingMs = 15_000;
/** How long a server that cannot be reached is asked to stop one: longer than its restart takes, shorter than ours may. */
const absenceMs = 5_000;

/** Never rejects, but for the signal's reason. */
export async function inquire(client: Client, address: Address, signal?: AbortSignal): Promise<SandboxState> {
  const call = { deadlineMs: inquiryMs, signal };
  try {
    return stateIn(await client.metrics(address, call), address.sandbox);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (error.problem !== "internal") return stateOf(error);
  }
  try {
    // A name that the namespace does not have is a 500 too; the namespace as a whole can still be asked.
    return stateIn(await client.metrics({ namespace: address.namespace, sandbox: null }, call), address.sandbox);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return stateOf(error);
  }
}

/** Stops a sandbox until it does not run. False if that could not be found out in time. Never rejects. */
export async function stopForGood(client: Client, clock: Clock, address: Address): Promise<boolean> {
  const sinceMs = clock.monotonicMs();
  for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    await client.stop(address, { deadlineMs: inquiryMs }).catch(ignoreCallErrors);
    const state = await inquire(client, address);
    if (state === "ended") return true;
    const limitMs = state === "unreachable" ? absenceMs : endingMs;
    if (state === "refused" || clock.monotonicMs() + pauseMs - sinceMs > limitMs) return false;
    await clock.sleep(pauseMs);
  }
}

function stateIn(metrics: Awaited<ReturnType<Client["metrics"]>>, sandbox: string): SandboxState {
  const found = metrics.sandboxes.find((one) => one.name === sandbox);
  // "Running" without memory is a supervisor that was killed: its entry stays for ever (hazard f).
  return found?.running && typeof found.memory_usage === "number" ? "running" : "ended";
}

function stateOf(error: CallError): SandboxState {
  switch (error.problem) {
    case "unreachable":
    case "timeout":
      return "unreachable";
    case "unauthorized":
    case "forbidden":
      return "refused";
    case "rejected":
      // The namespace has no folder or no file: it has no sandbox either.
      return "ended";
    case "internal":
    case "malformed":
      return "unknown";
  }
}

function ignoreCallErrors(error: unknown): void {
  if (!(error instanceof CallError)) throw error;
}
