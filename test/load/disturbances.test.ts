// The harness of a cluster explains only what a disturbance may cause: everything else that a client is told is a fault.

import { expect, test } from "bun:test";
import { type DisturbanceKind, Disturbances } from "../../scripts/load/cluster/disturbances.ts";
import type { Spot } from "../../scripts/load/cluster/network.ts";
import type { Life } from "../../scripts/load/slot.ts";

const spotOf = (host: string): Spot => ({ host, enter: [] });

/** Runs one disturbance of the first of two nodes, and asks at each moment what explains an error. */
async function disturbed(kind: DisturbanceKind) {
  const end = new AbortController();
  const said: string[] = [];
  const note = (what: string) => {
    said.push(what);
    // One is enough.
    end.abort();
    return Promise.resolve();
  };
  const node = (name: string) => ({
    name,
    spot: spotOf(name),
    owns: (id: string) => id.startsWith(name),
    kill: (signal: string) => note(`${signal} ${name}`),
    startAgain: () => note(`start ${name}`),
  });
  const registry = {
    spot: spotOf("registry"),
    kill: () => note("kill registry"),
    startAgain: () => note("start registry"),
    pause: () => void note("pause registry"),
    goOn: () => void note("go on registry"),
    flush: () => note("flush registry"),
  };
  const network = {
    cut: (one: Spot, others: readonly Spot[]) =>
      note(`cut ${one.host} from ${others.map(({ host }) => host).join(", ")}`),
    mend: () => note("mend"),
  };
  const nodes = [node("first"), node("second")];
  const disturbances = new Disturbances({ nodes, registry, network }, [kind], 0);
  const beforeMs = performance.now();
  const life = (id: string): Life => ({
    ...{ id, secret: "", openedMs: beforeMs, asked: 0, told: 0, uncertain: 0, seen: new Set<number>() },
    ...{ stopAsked: false, gone: false },
  });
  const excuse = (code: string, reason = "", of: Life | undefined = life("first-1")) =>
    disturbances.excuse({ kind: "error", code, reason, message: "" }, of, beforeMs);
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBeUndefined();
  expect(excuse("NO_ANSWER")).toBeUndefined();
  await disturbances.run(end.signal);
  return { said, excuse, life, disturbances };
}

test("sessions of a node that was killed may be lost, and calls may have broken off; those of others may not be lost", async () => {
  const { said, excuse, life } = await disturbed("kill");
  expect(said).toEqual(["SIGKILL first", "start first"]);
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBe("lost");
  expect(excuse("CONNECTION_ERROR")).toBe("uncertain");
  expect(excuse("NO_ANSWER", "", life("second-1"))).toBe("uncertain");
  expect(excuse("SESSION_NOT_FOUND", "lost", life("second-1"))).toBeUndefined();
  expect(excuse("CONNECTION_ERROR", "", life("second-1"))).toBeUndefined();
  expect(excuse("SESSION_NOT_FOUND", "unknown")).toBeUndefined();
});

test("a node that is rolled loses its sessions, and nobody goes without an answer", async () => {
  const { said, excuse } = await disturbed("roll");
  expect(said).toEqual(["SIGTERM first", "start first"]);
  expect(excuse("SESSION_NOT_FOUND", "shutdown")).toBe("lost");
  expect(excuse("NO_ANSWER")).toBeUndefined();
});

test("a node that is cut off from the others is asked for its sessions in vain, and loses none", async () => {
  const { said, excuse } = await disturbed("cut-peers");
  expect(said).toEqual(["cut first from second", "mend"]);
  expect(excuse("CONNECTION_ERROR")).toBe("uncertain");
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBeUndefined();
  expect(excuse("NO_ANSWER")).toBeUndefined();
});

test.each<[DisturbanceKind, readonly string[]]>([
  ["cut-registry", ["cut first from registry", "mend"]],
  ["registry-kill", ["kill registry", "start registry"]],
  ["registry-pause", ["pause registry", "go on registry"]],
  ["registry-flush", ["flush registry"]],
])("%s explains no error", async (kind, done) => {
  const { said, excuse } = await disturbed(kind);
  expect(said).toEqual([...done]);
  for (const code of ["NO_ANSWER", "CONNECTION_ERROR", "HTTP 502"]) expect(excuse(code)).toBeUndefined();
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBeUndefined();
});

test("of a machine that stood still for a lease, sessions may be lost and calls broken off; for less, only calls", async () => {
  const { excuse, disturbances } = await disturbed("registry-pause");
  const nowMs = performance.now();
  disturbances.stalled({ fromMs: nowMs - 6000, untilMs: nowMs });
  expect(excuse("CONNECTION_ERROR")).toBe("uncertain");
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBeUndefined();
  disturbances.stalled({ fromMs: nowMs - 15_000, untilMs: nowMs });
  expect(excuse("SESSION_NOT_FOUND", "lost")).toBe("lost");
  expect(excuse("SESSION_NOT_FOUND", "unknown")).toBeUndefined();
  expect(disturbances.told.at(-1)).toStartWith("the machine stood still from ");
});
