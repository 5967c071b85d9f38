// The programs that go into a guest, embedded in the executable: the courier into the portal's interpreter, the relay as files.

import type { Language } from "../../templates.ts";
import courierNode from "./courier.cjs" with { type: "text" };
import courierPython from "./courier.py" with { type: "text" };
import relayNode from "./relay.mjs" with { type: "text" };
import relayPython from "./relay.py" with { type: "text" };
import sweepNode from "./sweep.mjs" with { type: "text" };
import sweepPython from "./sweep.py" with { type: "text" };

export type GuestPrograms = {
  /** Source that defines `__msb_load` and, once that is called, `__msb`. */
  readonly courier: string;
  /** The relay's sources by file name. */
  readonly relay: Readonly<Record<string, string>>;
};

export const guestPrograms: Readonly<Record<Language, GuestPrograms>> = {
  python: { courier: courierPython, relay: { "relay.py": relayPython, "sweep.py": sweepPython } },
  node: { courier: courierNode, relay: { "relay.mjs": relayNode, "sweep.mjs": sweepNode } },
};
