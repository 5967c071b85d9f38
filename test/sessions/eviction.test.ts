import { describe, expect, test } from "bun:test";
import { boundOf, chooseVictims, type Holding, type Need, type RoomLimits } from "../../src/sessions/eviction.ts";

/** `alice small idle 5`, `bob large busy`, `- medium ahead 0` (nobody's), `carol small expired 90`; the numbers are seconds of idleness. */
function holding(text: string, id: number): Holding {
  const [who = "", size = "", state = "", idleS = "0"] = text.split(" ");
  const idle = state === "busy" ? null : { sinceMs: -1000 * Number(idleS), isExpired: state === "expired" };
  return { id, principal: who === "-" ? null : who, memoryMib: mib(size), idle };
}

function need(text: string): Need {
  const [principal = "", size = ""] = text.split(" ");
  return { principal, memoryMib: mib(size) };
}

function mib(size: string): number {
  return { small: 1024, medium: 2048, large: 4096 }[size] ?? 0;
}

const cases: readonly {
  readonly it: string;
  readonly held: readonly string[];
  readonly need: string;
  readonly limits: RoomLimits;
  /** Indexes into `held`; null: no room can be made. */
  readonly victims: readonly number[] | null;
}[] = [
  {
    it: "nobody goes while there is room",
    held: ["a small idle 9"],
    need: "a small",
    limits: { maxSessions: 2 },
    victims: [],
  },
  {
    it: "the least recently used goes",
    held: ["a small idle 5", "a small idle 9", "a small idle 7"],
    need: "a small",
    limits: { maxSessions: 3 },
    victims: [1],
  },
  {
    it: "an expired one goes before any other, however lately it was used",
    held: ["a small idle 9", "a small expired 1", "a small idle 7"],
    need: "a small",
    limits: { maxSessions: 3 },
    victims: [1],
  },
  {
    it: "of several expired ones the oldest goes",
    held: ["a small expired 5", "a small expired 9", "b small idle 50"],
    need: "b small",
    limits: { maxSessions: 3 },
    victims: [1],
  },
  {
    it: "what was booted ahead for nobody goes before any session",
    held: ["a small expired 90", "- small ahead 1"],
    need: "a small",
    limits: { maxSessions: 2 },
    victims: [1],
  },
  {
    it: "a busy one never goes",
    held: ["a small busy", "a small idle 1"],
    need: "a small",
    limits: { maxSessions: 2 },
    victims: [1],
  },
  {
    it: "no room is made where all are busy",
    held: ["a small busy"],
    need: "a small",
    limits: { maxSessions: 1 },
    victims: null,
  },
  {
    it: "where memory is short, touching the first of two lets only the second go",
    held: ["a medium idle 1", "a medium idle 5"],
    need: "a medium",
    limits: { maxSessions: 9, maxTotalMemoryMib: 4096 },
    victims: [1],
  },
  {
    it: "several small ones go for a large one, and no more of them than it takes",
    held: ["a small idle 9", "a small idle 8", "a small idle 7", "a small idle 6"],
    need: "a medium",
    limits: { maxSessions: 9, maxTotalMemoryMib: 4096 },
    victims: [0, 1],
  },
  {
    it: "a small one stays if the larger one after it makes room enough",
    held: ["a small idle 9", "a medium idle 5", "a small busy"],
    need: "a medium",
    limits: { maxSessions: 9, maxTotalMemoryMib: 4096 },
    victims: [1],
  },
  {
    it: "nobody goes for what could not fit even then",
    held: ["a medium idle 9", "a medium busy"],
    need: "a large",
    limits: { maxSessions: 9, maxTotalMemoryMib: 4096 },
    victims: null,
  },
  {
    it: "nobody goes for what can never fit",
    held: ["a small idle 9"],
    need: "a large",
    limits: { maxSessions: 9, maxTotalMemoryMib: 2048 },
    victims: null,
  },
  {
    it: "a principal at its own limit loses its own, not another's older one",
    held: ["a small idle 90", "b small idle 5", "b small idle 3"],
    need: "b small",
    limits: { maxSessions: 9, maxSessionsPerPrincipal: 2 },
    victims: [1],
  },
  {
    it: "a principal at its own memory limit loses its own",
    held: ["a medium idle 90", "b medium idle 5", "b small idle 3"],
    need: "b medium",
    limits: { maxSessions: 9, maxMemoryMibPerPrincipal: 4096 },
    victims: [1],
  },
  {
    it: "what was booted ahead is no help to a principal at its own limit",
    held: ["- small ahead 9", "b small busy"],
    need: "b small",
    limits: { maxSessions: 9, maxSessionsPerPrincipal: 1 },
    victims: null,
  },
  {
    it: "a newcomer gets the place of whoever holds most",
    held: ["a small idle 1", "a small idle 2", "b small idle 90"],
    need: "c small",
    limits: { maxSessions: 3 },
    victims: [1],
  },
  {
    it: "a newcomer gets the least recently used place of those who hold one each",
    held: ["a small idle 1", "b small idle 9"],
    need: "c small",
    limits: { maxSessions: 2 },
    victims: [1],
  },
  {
    it: "who asks for more and more takes nothing from those who have fewer",
    held: ["a small idle 1", "a small idle 2", "b small idle 90"],
    need: "a small",
    limits: { maxSessions: 3 },
    victims: [1],
  },
  {
    it: "who has much and all of it busy does not get the little that another has idle",
    held: ["a small busy", "a small busy", "b small idle 90"],
    need: "a small",
    limits: { maxSessions: 3 },
    victims: null,
  },
  {
    it: "an expired one of another's goes all the same",
    held: ["a small busy", "a small busy", "b small expired 90"],
    need: "a small",
    limits: { maxSessions: 3 },
    victims: [2],
  },
  {
    it: "where memory is short, most is counted in memory",
    held: ["a large idle 1", "b small idle 9", "b small idle 8"],
    need: "c small",
    limits: { maxSessions: 9, maxTotalMemoryMib: 6144 },
    victims: [0],
  },
  {
    it: "both limits of a principal and of the server are met at once",
    held: ["a large idle 9", "b small idle 5", "b small idle 3"],
    need: "b large",
    limits: { maxSessions: 9, maxSessionsPerPrincipal: 2, maxTotalMemoryMib: 6144 },
    victims: [0, 1],
  },
];

describe("eviction", () => {
  test.each(cases.map((one) => [one.it, one] as const))("%s", (_, { held, need: asked, limits, victims }) => {
    const chosen = chooseVictims(held.map(holding), need(asked), limits);
    expect(chosen === undefined ? null : [...chosen].sort()).toEqual(victims === null ? null : [...victims].sort());
  });

  test("whatever is held, who goes makes room, was idle, and none of them could have stayed", () => {
    let made = 0;
    const random = seeded(7);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] ?? (items[0] as T);
    for (let round = 0; round < 2000; round++) {
      const held = Array.from({ length: Math.floor(random() * 9) }, (_, id) =>
        holding(
          `${pick(["a", "b", "-"])} ${pick(["small", "medium", "large"])} ${pick(["idle", "busy", "expired"])} ${Math.floor(random() * 99)}`,
          id,
        ),
      );
      const asked = need(`${pick(["a", "b", "c"])} ${pick(["small", "medium", "large"])}`);
      const limits = {
        maxSessions: 1 + Math.floor(random() * 9),
        maxTotalMemoryMib: pick([undefined, 4096, 8192, 16_384]),
        maxSessionsPerPrincipal: pick([undefined, 1, 3]),
        maxMemoryMibPerPrincipal: pick([undefined, 4096, 8192]),
      };
      const victims = chooseVictims(held, asked, limits);
      if (victims === undefined) continue;
      made++;
      const without = (gone: readonly number[]) => held.filter(({ id }) => !gone.includes(id));
      expect(boundOf(without(victims), asked, limits)).toBeUndefined();
      for (const id of victims) {
        expect(held[id]?.idle).not.toBeNull();
        expect(boundOf(without(victims.filter((other) => other !== id)), asked, limits)).toBeDefined();
      }
    }
    expect(made).toBeGreaterThan(500);
  });
});

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
