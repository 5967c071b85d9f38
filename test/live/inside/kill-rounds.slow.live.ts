// kill -9 of the compiled program at random moments under load, each followed by a start: sessions go on with their state or are told
// lost, and in the end no microVM is left.

import { expect, test } from "bun:test";
import { Callers } from "../../chaos/callers.ts";
import { KilledServer } from "../../chaos/killed-server.ts";
import { Random } from "../../model/random.ts";
import { machines } from "./host.ts";

const rounds = 6;
/** A boot takes longer than this here, when two boot at once. Milliseconds. */
const mostMs = 12_000;
const seed = Date.now() % 1_000_000;

test("a server that is killed at any moment finds its sessions again, or tells them lost, and leaves no microVM", async () => {
  console.log(`kill rounds: seed ${seed}`);
  const random = new Random(seed);
  const callers = new Callers(random, { outlive: true });
  const flags = ["--max-sessions", "4", "--flavor", "small=1:192"];
  await using server = new KilledServer(flags, ["--backend", "microvm"], ["/app/program/msb-mcp"]);
  expect(await machines()).toEqual([]);
  for (let round = 0; round < rounds; round++) {
    await server.start();
    const over = new AbortController();
    // Before the kill, callers end only by what they do not expect.
    const calling = Promise.all([1, 2].map(() => callers.use(server, round, over.signal)));
    // Every second kill comes into a first boot, the others into whatever is on once a session has answered.
    const { known } = callers;
    const before = known.length;
    while (round % 2 === 1 && known.length === before) await Promise.race([Bun.sleep(50), calling]);
    await Promise.race([Bun.sleep(random.below(mostMs)), calling]);
    over.abort();
    await server.kill();
    await calling;
    console.log(`kill rounds: round ${round}: ${callers.summary}; ${(await machines()).length} microVMs`);
  }
  await server.start();
  for (const one of [...callers.known]) await callers.useOne(server, one, rounds);
  console.log(`kill rounds: ${callers.summary}`);
  expect(callers.heard("answers with their own state after a kill")).toBeGreaterThan(0);
  expect(await server.stop()).toBe(0);
  expect(await machines()).toEqual([]);
}, 900_000);
