// What an agent should know of the network that its code has: whom it reaches, and which keys it may use without having them.

import { describeHosts, type NetworkPolicy } from "../../sandbox/network.ts";
import type { Secret } from "../../sandbox/secrets.ts";

export type Reach = {
  readonly network: NetworkPolicy;
  readonly secrets: readonly Pick<Secret, "name" | "host">[];
};

/** Names of each kind in a description, which every client reads, and their characters in all. */
const maxNamed = 8;
const maxNamedLength = 120;
/** What is longer is told once. */
const maxRepeatedLength = 120;

/** One or two sentences. Undefined: the backend governs it itself. */
export function tellReach(reach: Reach | undefined): string {
  if (reach === undefined) return "There is no network access unless the operator arranged it.";
  const { secrets, network } = reach;
  return secrets.length === 0 ? tellNetwork(network) : `${tellNetwork(network)} ${tellSecrets(secrets)}`;
}

/** The same in a second tool, beside one that tells it: `first` is its name. */
export function tellReachAgain(reach: Reach | undefined, first: string): string {
  const told = tellReach(reach);
  return told.length <= maxRepeatedLength ? told : `Network and keys: as ${first}.`;
}

/** Can code of a sandbox change anything out there? */
export function isOpenWorld(reach: Reach | undefined): boolean {
  return reach !== undefined && reach.network.kind !== "none";
}

function tellNetwork(policy: NetworkPolicy): string {
  switch (policy.kind) {
    case "none":
      return "There is no network access.";
    case "packages":
      return "pip and npm can install packages; there is no other network access.";
    case "public":
      return "The public internet can be reached.";
    case "allow":
      return `Of the network, only ${some(describeHosts(policy.hosts))} can be reached.`;
  }
}

function tellSecrets(secrets: Reach["secrets"]): string {
  const named = some(secrets.map(({ name, host }) => `${name} (for ${host})`));
  const [variables, hold] = secrets.length === 1 ? ["variable", "holds"] : ["variables", "hold"];
  return (
    `The environment ${variables} ${named} ${hold} a placeholder: send it as it is in a header of a request to that host, where ` +
    "the key takes its place."
  );
}

function some(names: readonly string[]): string {
  let count = 1;
  while (count < maxNamed && names.slice(0, count + 1).join("").length <= maxNamedLength) count++;
  const rest = names.length - count;
  return rest > 0 ? `${names.slice(0, count).join(", ")} and ${rest} more` : names.join(", ");
}
