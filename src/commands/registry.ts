// What the commands about a cluster share: they ask the registry, and tell what keeps them from it.

import { type Registry, RegistryUnreachable } from "../cluster/port.ts";
import { StartError } from "../failure.ts";

export type RegistryOptions = {
  /** Undefined: no `--cluster` was given. */
  readonly openRegistry: (() => Promise<Registry>) | undefined;
  /** Gets whole lines, for people. */
  readonly complain: (line: string) => void;
};

export type RegistryStatus = 0 | 1 | 2;

/** The exit status is that of `ask`; 2 without a cluster, 1 if its registry cannot be asked. */
export async function askRegistry(
  command: string,
  { openRegistry, complain }: RegistryOptions,
  ask: (registry: Registry) => Promise<RegistryStatus>,
): Promise<RegistryStatus> {
  if (openRegistry === undefined) {
    complain(
      `msb-mcp: ${command}: there is no cluster to ask; give --cluster (MSB_MCP_CLUSTER), as its servers have it`,
    );
    return 2;
  }
  try {
    await using registry = await openRegistry();
    return await ask(registry);
  } catch (error) {
    if (error instanceof StartError) {
      complain(`msb-mcp: ${command}: ${error.message}`);
      return error.isConfiguration ? 2 : 1;
    }
    if (!(error instanceof RegistryUnreachable)) throw error;
    complain(`msb-mcp: ${command}: ${error.message}`);
    return 1;
  }
}
