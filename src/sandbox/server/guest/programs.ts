// The programs that go into a guest, embedded in the executable: the courier into the portal's interpreter, the relay as a file.

import type { CommonLanguage } from "../../templates.ts";
import courierNode from "./courier.cjs" with { type: "text" };
import courierPython from "./courier.py" with { type: "text" };
import { nodeRelay } from "./relay/node/program.ts";
import { pythonRelay } from "./relay/python/program.ts";

export type GuestPrograms = {
  /** Source that defines `__msb_load` and, once that is called, `__msb`. */
  readonly courier: string;
  /** The relay's source by the name of the file that the courier starts. */
  readonly relay: Readonly<Record<string, string>>;
};

export function guestPrograms(language: CommonLanguage): GuestPrograms {
  return language === "python"
    ? { courier: courierPython, relay: { "relay.py": pythonRelay() } }
    : { courier: courierNode, relay: { "relay.cjs": nodeRelay() } };
}
