// Can sandboxes of Linux namespaces be made here? One is made, as a start of the server does.

import type { Clock } from "../clock.ts";
import type { Config } from "../config/options.ts";
import { causeOf, Failure } from "../failure.ts";
import { createNamespaceHost } from "../sandbox/namespace/host.ts";
import { tryNamespaces } from "../sandbox/namespace/trial.ts";
import { type Finding, missingBecause } from "./finding.ts";

const check = "namespaces";

type Settings = Pick<Config, "stateDir" | "templates" | "flavors" | "defaultFlavor">;

/** Rejects with the signal's reason only. */
export async function checkNamespaces(config: Settings, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const { stateDir, templates, flavors, defaultFlavor } = config;
  await using host = createNamespaceHost({ volumes: [], stateDir, clock, emit: () => undefined });
  try {
    const warnings = await tryNamespaces({ host, templates, resources: flavors[defaultFlavor] }, signal);
    const found = "a sandbox of Linux namespaces starts";
    return warnings.length === 0
      ? { check, status: "ok", found }
      : { check, status: "warning", found: `${found}. ${warnings.join(" ")}` };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    const finding = missingBecause(check, error);
    const cause = causeOf(error);
    return cause === undefined ? finding : { ...finding, found: `${finding.found} (${cause})` };
  }
}
