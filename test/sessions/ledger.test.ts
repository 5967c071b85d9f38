// The ledger on disks and after mishaps of all kinds: it fails no call, and says what is lost.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { type Process, Restarts } from "../fakes/restarts.ts";

const hasBubblewrap = Bun.which("bwrap") !== null;

const warnings = ({ events }: Process) =>
  events.flatMap((event) => (event.type === "server.warning" ? [event.message] : []));
const ledgerEvents = ({ events }: Process) => events.flatMap(({ type }) => (type.startsWith("ledger.") ? [type] : []));

/** What a next process would read. */
function written(restarts: Restarts): readonly unknown[] {
  restarts.kill();
  const database = new Database(restarts.ledgerPath);
  try {
    return database.query("SELECT id, last_used, executions FROM sessions").all();
  } finally {
    database.close();
  }
}

describe("writing", () => {
  test("the last use of a session is in the file a second later", async () => {
    await using restarts = new Restarts();
    const { run, clock } = restarts.start();
    const { sessionId } = (await run("print")).session;
    await clock.advance(5000);
    await run("print", { sessionId });
    const usedAt = clock.now();
    await clock.advance(1000);
    expect(written(restarts)).toEqual([{ id: sessionId, last_used: usedAt, executions: 2 }]);
  });

  test("however often it is used, it is written once a second", async () => {
    await using restarts = new Restarts();
    const { run, clock } = restarts.start();
    const { sessionId } = (await run("print")).session;
    const idle = clock.sleeping;
    for (let i = 0; i < 100; i++) await run("print", { sessionId });
    expect(clock.sleeping).toBe(idle);
  });

  test("an orderly end writes what was still to be written", async () => {
    await using restarts = new Restarts();
    const { run } = restarts.start();
    await run("print");
    await restarts.stop();
    const after = restarts.start();
    expect(after.ledger.open).toEqual([]);
    expect(warnings(after)).toEqual([]);
  });
});

describe("a ledger that is gone or broken at the start", () => {
  const mishaps: readonly (readonly [string, (path: string) => void, string])[] = [
    ["deleted", (path) => rmSync(path), "is missing or empty"],
    ["truncated to nothing", (path) => emptied(path), "is missing or empty"],
    ["cut in the middle", (path) => cut(path), "cannot be read (SQLITE_CORRUPT"],
    ["overwritten", (path) => writeFileSync(path, "no database ".repeat(1000)), "cannot be read (SQLITE_NOTADB"],
    ["of a version to come", (path) => newer(path), "cannot be read (version 7)"],
    ["of other tables", (path) => others(path), "cannot be read (SQLITE_ERROR)"],
  ];

  test.each(mishaps)(
    "%s: the server starts, says that sessions of before are not known, and goes on",
    async (_, spoil, words) => {
      await using restarts = new Restarts();
      const { sessionId } = (await restarts.start().run("print")).session;
      await restarts.current.clock.advance(2000);
      restarts.kill();
      // As after an orderly end: everything is in the file itself.
      const database = new Database(restarts.ledgerPath);
      expect(database.query("SELECT id FROM sessions").all()).toEqual([{ id: sessionId }]);
      database.close();
      spoil(restarts.ledgerPath);
      const after = restarts.start({}, { isLedgerExpected: true });
      expect(warnings(after)).toEqual([expect.stringContaining(words)]);
      expect(warnings(after)[0]).toContain("Sessions from before this start are not known.");
      await after.clock.advance(60_000);
      const failure = await failureOf(after.run("print", { sessionId }));
      expect(failure.message).toContain("what was known of sessions was lost 1 minute ago, when the server started");
      // Its sandbox is nobody's now.
      expect(restarts.world.machines.size).toBe(0);
      const next = (await after.run("set x 1")).session;
      restarts.kill();
      const third = restarts.start({}, { isLedgerExpected: true });
      expect((await third.run("get x", { sessionId: next.sessionId })).outcome.stdout).toBe("1\n");
      expect(warnings(third)).toEqual([]);
    },
  );

  test("entries that make no sense are left out, counted, and the others kept", async () => {
    await using restarts = new Restarts();
    const { sessionId } = (await restarts.start().run("set x 1")).session;
    restarts.kill();
    const database = new Database(restarts.ledgerPath);
    database.run("INSERT INTO sessions VALUES ('session-1', 'alice', 'python', 'gigantic', 1, 1, 1, 'x')");
    database.run("INSERT INTO sessions VALUES ('session-2', 'alice', 'python', 'small', -1, 1, 1, 'x')");
    database.run("INSERT INTO endings VALUES ('session-3', 'alice', 'abducted', 1, NULL)");
    database.close();
    const after = restarts.start();
    await settle();
    expect(warnings(after)).toEqual(["3 entries of the ledger of sessions make no sense."]);
    expect((await after.run("get x", { sessionId })).outcome.stdout).toBe("1\n");
  });

  test("that cannot be opened: the server starts in memory, and writes all down once it can", async () => {
    await using restarts = new Restarts();
    mkdirSync(restarts.ledgerPath);
    const { run, clock } = restarts.start();
    const { sessionId } = (await run("set x 1")).session;
    expect(ledgerEvents(restarts.current)).toEqual(["ledger.degraded"]);
    rmSync(restarts.ledgerPath, { recursive: true });
    await clock.advance(10_000);
    expect(ledgerEvents(restarts.current)).toEqual(["ledger.degraded", "ledger.restored"]);
    restarts.kill();
    expect((await restarts.start().run("get x", { sessionId })).outcome.stdout).toBe("1\n");
  });
});

describe("a ledger that breaks while the server runs", () => {
  test("deleted: a new one has everything at the next write", async () => {
    await using restarts = new Restarts();
    const { run } = restarts.start();
    const first = (await run("set x 1")).session;
    rmSync(restarts.ledgerPath);
    const second = (await run("set x 2")).session;
    expect(ledgerEvents(restarts.current)).toEqual(["ledger.degraded", "ledger.restored"]);
    restarts.kill();
    const after = restarts.start();
    for (const [{ sessionId }, x] of [
      [first, "1\n"],
      [second, "2\n"],
    ] as const) {
      expect((await after.run("get x", { sessionId })).outcome.stdout).toBe(x);
    }
  });

  test.skipIf(!hasBubblewrap)(
    "on a full disk: calls go on in memory, and all is written once there is room",
    async () => {
      expect(await onSmallDisk(["--size", "400000", "--tmpfs", "/mnt"], "full")).toEqual({
        whileFull: ["ledger.degraded"],
        whileFullStdout: "1\n",
        afterwards: ["ledger.degraded", "ledger.restored"],
        kept: 41,
      });
    },
  );

  test.skipIf(!hasBubblewrap)("read-only: the server starts and goes on in memory, and says so", async () => {
    const folder = mkdtempSync(join(tmpdir(), "msb-mcp-read-only-"));
    try {
      expect(await onSmallDisk(["--ro-bind", folder, "/mnt"], "read-only")).toEqual({
        events: ["server.warning", "ledger.degraded"],
        stdout: "1\n",
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Runs small-disk.ts where /mnt is what the arguments of bubblewrap say, and returns what it prints. */
async function onSmallDisk(mount: readonly string[], what: string): Promise<unknown> {
  const script = join(import.meta.dir, "small-disk.ts");
  const child = Bun.spawn(["bwrap", "--dev-bind", "/", "/", ...mount, "--", process.execPath, script, what], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(error);
  return JSON.parse(out);
}

function emptied(path: string): void {
  truncateSync(path, 0);
  rmSync(`${path}-wal`, { force: true });
}

function cut(path: string): void {
  truncateSync(path, 6000);
}

function newer(path: string): void {
  const database = new Database(path);
  database.run("PRAGMA user_version = 7");
  database.close();
}

function others(path: string): void {
  const database = new Database(path);
  database.run("DROP TABLE sessions");
  database.close();
}
