// Asking the server what has become of a sandbox, since its 500 says nothing (rule 8).

import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";

/** `slow`: it has not answered in time, which says nothing of the sandbox, and nothing of the server but that it has much to do. */
export type SandboxState = "running" | "ended" | "unreachable" | "slow" | "refused" | "unknown";

/** Never rejects, but for the signal's reason. */
export async function inquire(client: Client, address: Address, signal?: AbortSignal): Promise<SandboxState> {
  try {
    return stateIn(await client.metrics(address, { signal }), address.sandbox);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (error.problem !== "internal") return stateOf(error);
  }
  try {
    // A name that the namespace does not have is a 500 too; the namespace as a whole can still be asked.
    const whole = { namespace: address.namespace, sandbox: null };
    return stateIn(await client.metrics(whole, { signal }), address.sandbox);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return stateOf(error);
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
      return "unreachable";
    case "timeout":
      return "slow";
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
