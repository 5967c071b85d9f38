// Can sandboxes of Linux namespaces be made here? One is made, as a start of the server does.

import type { Clock } from "../../clock.ts";
import type { Config } from "../../config/options.ts";
import { causeOf, Failure } from "../../failure.ts";
import { type Finding, missing, missingBecause } from "../../sandbox/checks/finding.ts";
import { tooFewDescriptors } from "../../sandbox/namespace/descriptors.ts";
import { createNamespaceHost } from "../../sandbox/namespace/host.ts";
import { tryNamespaces } from "../../sandbox/namespace/trial.ts";
import { describeNetwork } from "../../sandbox/network.ts";

const check = "namespaces";

type Settings = Pick<
  Config,
  "stateDir" | "network" | "templates" | "interpreters" | "flavors" | "defaultFlavor" | "maxSessions" | "sharedVolumes"
>;

/** Rejects with the signal's reason only. */
export async function checkNamespaces(config: Settings, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const { stateDir, network, templates, interpreters, flavors, defaultFlavor, maxSessions } = config;
  await using host = createNamespaceHost({
    volumes: config.sharedVolumes,
    network,
    stateDir,
    interpreters,
    clock,
    emit: () => undefined,
  });
  try {
    const { refused } = await tryNamespaces({ host, templates, resources: flavors[defaultFlavor] }, signal);
    const isGoverned = network.kind !== "none";
    const found = `a sandbox of Linux namespaces starts${isGoverned ? `, with the network ${describeNetwork(network)}` : ""}`;
    const lines = [
      ...refused.map(({ template, failure }) => `${template.name} is not offered: ${wordsOf(failure)}`),
      ...[tooFewDescriptors({ sandboxes: maxSessions, isGoverned })].filter((warning) => warning !== undefined),
    ];
    if (lines.length === 0) return { check, status: "ok", found };
    return { check, status: "warning", found: `${found}; ${lines.join(" ")}` };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    const { mend } = missingBecause(check, error);
    return missing(check, wordsOf(error), mend);
  }
}

/** With what lies underneath. */
function wordsOf(failure: Failure): string {
  const { found } = missingBecause(check, failure);
  const cause = causeOf(failure);
  return cause === undefined ? found : `${found} (${cause})`;
}
