// kill -9 at random moments under load, each followed by a start: nothing is left behind, and no session id lies.
// CHAOS_ROUNDS=n makes it longer, CHAOS_SEED=n repeats it as far as a real machine repeats anything.

import { expect, test } from "bun:test";
import { Random } from "../model/random.ts";
import { Callers } from "./callers.ts";
import { eventually, isAlive, KilledServer, mountCount } from "./killed-server.ts";

const rounds = Number(process.env.CHAOS_ROUNDS ?? 6);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

test.skipIf(Bun.which("bwrap") === null)(
  "a server that is killed at any moment leaves nothing, and the next one knows each of its sessions",
  async () => {
    console.log(`chaos: CHAOS_SEED=${seed} CHAOS_ROUNDS=${rounds}`);
    const random = new Random(seed);
    const callers = new Callers(random, { outlive: false });
    const mountsBefore = mountCount();
    await using server = new KilledServer(["--max-sessions", "4", "--default-flavor", "small"]);
    let left: readonly number[] = [];
    for (let round = 0; round < rounds; round++) {
      await server.start();
      await eventually(`what the killed server had started is gone: ${left}`, () => !left.some(isAlive));
      const over = new AbortController();
      const calling = [1, 2, 3].map(() => callers.use(server, round, over.signal));
      await Bun.sleep(random.below(1200));
      over.abort();
      left = await server.kill();
      await Promise.all(calling);
    }
    await server.start();
    await eventually(`what the killed server had started is gone: ${left}`, () => !left.some(isAlive));
    for (const one of callers.known.slice(-40)) await callers.useOne(server, one, rounds);
    await eventually("no control group of a killed server is left", () => server.strayGroups.length === 0).catch(
      (error: unknown) => {
        throw new Error(server.describeStrays(), { cause: error });
      },
    );
    expect(await server.stop()).toBe(0);
    expect(server.strayGroups).toEqual([]);
    expect(mountCount()).toBe(mountsBefore);
    console.log(`chaos: ${callers.summary}`);
    expect(callers.known.length).toBeGreaterThan(0);
  },
  60_000 + rounds * 15_000,
);

test.skipIf(Bun.which("bwrap") === null)(
  "a second server on the same state directory is refused, until the first is killed",
  async () => {
    await using server = new KilledServer([]);
    await server.start();
    const { status, said } = await server.secondStart();
    expect(status).toBe(2);
    expect(said).toMatch(/Configuration error: another server \(process \d+, http:[^)]+\) uses the state directory/);
    await server.kill();
    await server.start();
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

test.skipIf(Bun.which("bwrap") === null)(
  "SIGTERM answers what runs, leaves no sandbox, whatever it is at, and ends with status 0",
  async () => {
    const mountsBefore = mountCount();
    await using server = new KilledServer(["--max-sessions", "4"]);
    await server.start();
    const idle = await server.run("x = 1");
    expect(idle.kind).toBe("ran");
    const running = server.run("import time; print('begun', flush=True); time.sleep(2); print('ended')");
    await eventually("it runs", async () =>
      JSON.stringify(await server.tool("get_sessions", {})).includes('"status":"running"'),
    );
    const booting = server.run("print(1)");
    await Bun.sleep(30);
    const started = server.descendants;
    expect(await server.stop()).toBe(0);
    expect(await running).toMatchObject({ kind: "ran", stdout: "begun\nended\n" });
    expect(["ran", "refused", "none"]).toContain((await booting).kind);
    expect(started.filter(isAlive)).toEqual([]);
    expect(server.strayGroups).toEqual([]);
    expect(mountCount()).toBe(mountsBefore);
  },
  120_000,
);
