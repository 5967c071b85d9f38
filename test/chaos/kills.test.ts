// kill -9 at random moments under load, each followed by a start: nothing is left behind, and no session id lies.
// CHAOS_ROUNDS=n makes it longer, CHAOS_SEED=n repeats it as far as a real machine repeats anything.

import { expect, test } from "bun:test";
import { Random } from "../model/random.ts";
import { eventually, isAlive, KilledServer, mountCount } from "./killed-server.ts";

const rounds = Number(process.env.CHAOS_ROUNDS ?? 6);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

type Known = { readonly id: string; readonly value: string; readonly round: number };

test.skipIf(Bun.which("bwrap") === null)(
  "a server that is killed at any moment leaves nothing, and the next one knows each of its sessions",
  async () => {
    console.log(`chaos: CHAOS_SEED=${seed} CHAOS_ROUNDS=${rounds}`);
    const random = new Random(seed);
    const known: Known[] = [];
    const heard = new Map<string, number>();
    const hear = (what: string) => void heard.set(what, (heard.get(what) ?? 0) + 1);
    const mountsBefore = mountCount();
    await using server = new KilledServer(["--max-sessions", "4", "--default-flavor", "small"]);
    let left: readonly number[] = [];
    for (let round = 0; round < rounds; round++) {
      await server.start();
      await eventually(`what the killed server had started is gone: ${left}`, () => !left.some(isAlive));
      const over = new AbortController();
      const use = async () => {
        while (!over.signal.aborted) {
          const old = known.length > 0 && random.next() < 0.6 ? random.pick(known.slice(-30)) : undefined;
          if (old === undefined) await openOne(server, known, round, random, hear);
          else await useOne(server, old, round, hear);
        }
      };
      const callers = [use(), use(), use()];
      await Bun.sleep(random.below(1200));
      over.abort();
      left = await server.kill();
      await Promise.all(callers);
    }
    await server.start();
    await eventually(`what the killed server had started is gone: ${left}`, () => !left.some(isAlive));
    for (const one of known.slice(-40)) await useOne(server, one, rounds, hear);
    await eventually("no control group of a killed server is left", () => server.strayGroups.length === 0).catch(
      (error: unknown) => {
        throw new Error(server.describeStrays(), { cause: error });
      },
    );
    expect(await server.stop()).toBe(0);
    expect(server.strayGroups).toEqual([]);
    expect(mountCount()).toBe(mountsBefore);
    console.log(`chaos: ${known.length} sessions; ${[...heard].map(([what, times]) => `${times} ${what}`).join(", ")}`);
    expect(known.length).toBeGreaterThan(0);
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
    expect(said).toContain("Configuration error: another server uses the state directory");
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
    await eventually("it runs", () => server.descendants.length > 4);
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

async function openOne(
  server: KilledServer,
  known: Known[],
  round: number,
  random: Random,
  hear: (what: string) => void,
): Promise<void> {
  const value = `v${known.length}-${random.below(1_000_000)}`;
  const answer = await server.run(`x = "${value}"; print(x)`);
  if (answer.kind === "refused") {
    expect(answer.code).toBeOneOf(["RESOURCE_LIMIT_EXCEEDED", "SANDBOX_CREATION_ERROR", "SESSION_NOT_FOUND"]);
    hear(answer.code);
  }
  if (answer.kind !== "ran") return;
  expect(answer.created).toBe(true);
  expect(known.map(({ id }) => id)).not.toContain(answer.sessionId);
  if (answer.stdout === `${value}\n`) known.push({ id: answer.sessionId, value, round });
}

async function useOne(server: KilledServer, one: Known, round: number, hear: (what: string) => void): Promise<void> {
  const answer = await server.run("print(x)", one.id);
  if (answer.kind === "none") return;
  if (answer.kind === "ran") {
    expect([answer.created, answer.stdout, one.round]).toEqual([false, `${one.value}\n`, round]);
    hear("answers with their own state");
    return;
  }
  expect(answer.code).toBeOneOf(["SESSION_NOT_FOUND", "CODE_EXECUTION_ERROR"]);
  if (answer.code !== "SESSION_NOT_FOUND") return;
  if (one.round < round) expect(answer.message).toMatch(/was lost|was evicted/);
  expect(answer.reason).toBeOneOf(["lost", "evicted", "shutdown"]);
  hear(`told ${answer.reason}`);
}
