// What counts as the time that a sandbox may take to start.

import { expect, test } from "bun:test";
import { settle } from "../fakes/fake-clock.ts";
import { FakeHost } from "../fakes/fake-host.ts";
import { poolOverFake } from "../fakes/pool.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

/** A host whose boots wait for what all share, until it is called. */
function preparing(): { readonly host: FakeHost; readonly prepared: () => void } {
  const over = Promise.withResolvers<void>();
  const host = new FakeHost();
  host.onBoot = ({ onPreparing }) => onPreparing?.(over.promise);
  host.holdBoots();
  return { host, prepared: over.resolve };
}

test("a boot that waits for what is prepared for all may take longer than a start, and then as long as one", async () => {
  const { host, prepared } = preparing();
  await using s = sessionsOverFake({ startTimeoutMs: 30_000 }, { host });
  const ran = s.run("print hello");
  await s.clock.advance(3_600_000);
  prepared();
  await settle();
  await s.clock.advance(29_000);
  host.releaseBoots();
  expect((await ran).outcome.stdout).toBe("hello\n");
});

test("one that is too slow after that is refused", async () => {
  const { host, prepared } = preparing();
  await using s = sessionsOverFake({ startTimeoutMs: 30_000 }, { host });
  const ran = s.run("print hello").catch((error: unknown) => String(error));
  await s.clock.advance(3_600_000);
  prepared();
  await settle();
  await s.clock.advance(30_000);
  expect(await ran).toContain("the sandbox was not ready within 30 s.");
  host.releaseBoots();
});

test("a caller who leaves meanwhile has left at once", async () => {
  const { host } = preparing();
  await using s = sessionsOverFake({}, { host });
  const leaving = new AbortController();
  const ran = s.run("print hello", { signal: leaving.signal }).catch((error: unknown) => error);
  await settle();
  leaving.abort(new Error("gone"));
  expect(String(await ran)).toContain("gone");
  host.releaseBoots();
});

test("the pool waits as well", async () => {
  const over = Promise.withResolvers<void>();
  await using open = poolOverFake([{ template: "python", flavor: "small", count: 1 }]);
  open.host.onBoot = ({ onPreparing }) => onPreparing?.(over.promise);
  open.host.holdBoots();
  open.pool.start();
  await settle();
  await open.clock.advance(3_600_000);
  over.resolve();
  open.host.releaseBoots();
  await settle();
  expect(open.pool.counts).toEqual({ ready: 1, wanted: 1 });
});
