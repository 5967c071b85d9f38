import { expect, test } from "bun:test";
import { createConditions } from "../../src/watch/conditions.ts";
import { sampleEvents } from "../fakes/events.ts";

test("what has begun is a warning until it has ended", () => {
  const conditions = createConditions();
  expect(conditions.warnings).toEqual([]);
  conditions.emit(sampleEvents["ledger.degraded"]);
  conditions.emit(sampleEvents["audit.failed"]);
  conditions.emit(sampleEvents["audit.failed"]);
  expect(conditions.warnings).toHaveLength(2);
  conditions.emit(sampleEvents["audit.restored"]);
  expect(conditions.warnings).toEqual([expect.stringContaining("state directory")]);
  conditions.emit(sampleEvents["ledger.restored"]);
  expect(conditions.warnings).toEqual([]);
});

test("an orphan counts from when it is found until it is removed, however often it is seen", () => {
  const conditions = createConditions();
  const name = "msb-1";
  conditions.emit({ type: "orphan.found", name, ageMs: 1000 });
  conditions.emit({ type: "orphan.kept", name, reason: "no answer" });
  conditions.emit({ type: "orphan.found", name: "msb-2", ageMs: null });
  expect(conditions.orphans).toBe(2);
  conditions.emit({ type: "orphan.removed", name });
  conditions.emit({ type: "orphan.removed", name: "msb-2" });
  expect(conditions.orphans).toBe(0);
});
