// What the revisions share: one transport onto the Server, one gate, one timer, one eye on clients that leave; and who calls.

import type { Departures } from "./departures.ts";
import type { Gate } from "./gate.ts";
import type { Pulse } from "./pulse.ts";
import type { MultiplexTransport } from "./transport.ts";

/** Who calls, as established before the edge. MCP sessions belong to their principal. */
export type Caller = { readonly principal: string };

export type Edge = {
  readonly transport: MultiplexTransport;
  readonly gate: Gate;
  readonly pulse: Pulse;
  readonly departures: Departures;
};
