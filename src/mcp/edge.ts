// What the revisions share: one transport onto the Server, one gate, one timer, one eye on clients that leave.

import type { Emit } from "../events.ts";
import type { Departures } from "./departures.ts";
import type { Gate } from "./gate.ts";
import type { Pulse } from "./pulse.ts";
import type { MultiplexTransport } from "./transport.ts";

export type Edge = {
  readonly transport: MultiplexTransport;
  readonly gate: Gate;
  readonly pulse: Pulse;
  readonly departures: Departures;
  readonly emit: Emit;
};
