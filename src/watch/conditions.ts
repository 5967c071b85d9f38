// What is wrong now, as far as events tell: what has begun and not ended. Subscribed to events, shown in GET / and /metrics.

import type { Emit } from "../events.ts";

export type Conditions = {
  readonly emit: Emit;
  /** A sentence each, safe to show to anybody. */
  readonly warnings: readonly string[];
  /** Sandboxes of this installation that no session claims and that are still there. */
  readonly orphans: number;
};

/** Names of orphans that are remembered; beyond it the count is too small. */
const maxOrphans = 10_000;

const texts = {
  ledger:
    "Sessions are kept in memory only, because the state directory cannot be written: a restart now would lose them.",
  draining: "The server is to be taken out of service: it opens no new sessions.",
  audit: "The audit file cannot be written; what ran waits in memory.",
} as const;

export function createConditions(): Conditions {
  const standing = new Set<keyof typeof texts>();
  const orphans = new Set<string>();
  return {
    get warnings() {
      return [...standing].map((condition) => texts[condition]);
    },
    get orphans() {
      return orphans.size;
    },
    emit(event) {
      switch (event.type) {
        case "ledger.degraded":
          standing.add("ledger");
          break;
        case "ledger.restored":
          standing.delete("ledger");
          break;
        case "drain.begun":
          standing.add("draining");
          break;
        case "drain.taken_back":
          standing.delete("draining");
          break;
        case "audit.failed":
          standing.add("audit");
          break;
        case "audit.restored":
          standing.delete("audit");
          break;
        case "orphan.found":
        case "orphan.kept":
          if (orphans.size < maxOrphans) orphans.add(event.name);
          break;
        case "orphan.removed":
          orphans.delete(event.name);
          break;
      }
    },
  };
}
