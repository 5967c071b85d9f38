import { expect, test } from "bun:test";
import { type Registry, RegistryUnreachable } from "../../src/cluster/port.ts";
import { watchedRegistry } from "../../src/cluster/watched.ts";
import type { Event } from "../../src/events.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

test("each call of the registry is told with its time and what came of it, and is answered as without", async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  const taking = async (ms: number) => {
    await clock.advance(ms);
  };
  const asked: Pick<Registry, "requestDrain" | "nodes" | "endedMcpSessions"> = {
    requestDrain: async (id, drain) => {
      await taking(3);
      return id === "aaaaa" && drain;
    },
    nodes: async () => {
      await taking(2000);
      throw new RegistryUnreachable("no answer");
    },
    endedMcpSessions: () => Promise.reject(new Error("WRONGTYPE")),
  };
  const registry = watchedRegistry(asked as Partial<Registry> as Registry, clock, (event) => void events.push(event));
  expect(await registry.requestDrain("aaaaa", true)).toBe(true);
  await expect(registry.nodes()).rejects.toThrow("no answer");
  await expect(registry.endedMcpSessions()).rejects.toThrow("WRONGTYPE");
  const told = { type: "registry.called" as const };
  expect(events).toEqual([
    { ...told, call: "requestDrain", outcome: "answered", durationMs: 3 },
    { ...told, call: "nodes", outcome: "unreachable", durationMs: 2000 },
    { ...told, call: "endedMcpSessions", outcome: "failed", durationMs: 0 },
  ]);
});
