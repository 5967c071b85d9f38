// What sessions ask of a pool of sandboxes that were booted ahead of anybody's need. Who fills it, and with what, is the pool's.

import type { Flavor } from "../sandbox/flavors.ts";
import type { Sandbox } from "../sandbox/port.ts";
import type { Place } from "./admission.ts";

/** A sandbox that waits for its session. Its id is the one that the session will have (`newSessionId`). */
export type Ahead = {
  readonly sessionId: string;
  readonly sandbox: Sandbox;
  /** As `Admission.reserveAhead` gave it; the session's from here on. */
  readonly place: Place;
};

export interface Pool {
  /** A sandbox that is ready, which is the principal's from here on; undefined if there is none of this kind. */
  take(template: string, flavor: Flavor, principal: string): Ahead | undefined;
  /** The ids of all members, those on their way in and out included: no sweep takes their sandboxes for orphans. */
  members(): readonly string[];
}
