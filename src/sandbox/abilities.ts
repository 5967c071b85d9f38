// What was configured for sandboxes that the backend cannot do: told at the start, never left out silently.

import type { InterpreterPaths } from "./interpreter-paths.ts";
import { describeNetwork, type NetworkPolicy } from "./network.ts";
import type { Secret } from "./secrets.ts";

/** Backends that enforce a network policy, and those that also keep secrets out of the guest. */
const governing: readonly string[] = ["microvm", "cloud", "namespace"];
const keepingSecrets: readonly string[] = ["microvm", "cloud"];

/** One problem an option. */
export function beyondBackend(
  backend: string,
  network: NetworkPolicy,
  secrets: readonly Secret[],
  interpreters: InterpreterPaths,
): readonly string[] {
  return [...beyondGoverning(backend, network, secrets), ...beyondImages(backend, interpreters)];
}

function beyondGoverning(backend: string, network: NetworkPolicy, secrets: readonly Secret[]): readonly string[] {
  const allowed = `allowed with the ${backend} backend is`;
  const governs = network.kind === "none" || governing.includes(backend);
  const networkText = `--network (MSB_MCP_NETWORK): ${describeNetwork(network)} needs --backend microvm or namespace`;
  const keeps = secrets.length === 0 || keepingSecrets.includes(backend);
  return [
    ...(governs ? [] : [`${networkText}; ${allowed} none`]),
    ...(keeps ? [] : [`--secret (MSB_MCP_SECRETS): needs --backend microvm; ${allowed} no secret`]),
  ];
}

/** Where sandboxes have images, these bring their interpreters. */
function beyondImages(backend: string, interpreters: InterpreterPaths): readonly string[] {
  if (backend === "namespace" || Object.keys(interpreters).length === 0) return [];
  return [
    `--interpreter (MSB_MCP_INTERPRETERS): needs --backend namespace; with the ${backend} backend, a template's image has the interpreter`,
  ];
}
