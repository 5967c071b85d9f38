// Sessions whose ledger is on a disk that is full, or read-only, at /mnt: `small-disk.ts full|read-only`. Prints what became of them.

import { Database } from "bun:sqlite";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { Process } from "../fakes/restarts.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";

const ledgerPath = "/mnt/sessions.db";
const told = ({ events }: Process) =>
  events.flatMap(({ type }) => (type.startsWith("ledger.") || type === "server.warning" ? [type] : []));

/** Until the disk takes nothing more. */
function fill(path: string): void {
  const descriptor = openSync(path, "w");
  const block = new Uint8Array(4096);
  try {
    for (;;) writeSync(descriptor, block);
  } catch {
    closeSync(descriptor);
  }
}

async function full() {
  const s = sessionsOverFake({ maxSessions: 1000 }, { ledgerPath });
  const { sessionId } = (await s.run("set x 1")).session;
  fill("/mnt/filler");
  // A page of the file may have room for some.
  for (let i = 0; i < 40; i++) await s.run("print");
  const whileFull = told(s);
  const whileFullStdout = (await s.run("get x", { sessionId })).outcome.stdout;
  rmSync("/mnt/filler");
  await s.clock.advance(10_000);
  const afterwards = told(s);
  s.ledger[Symbol.dispose]();
  const database = new Database(ledgerPath);
  const kept = database.query("SELECT id FROM sessions").all().length;
  return { whileFull, whileFullStdout, afterwards, kept };
}

async function readOnly() {
  const s = sessionsOverFake({}, { ledgerPath, isLedgerExpected: true });
  const { sessionId } = (await s.run("set x 1")).session;
  await s.clock.advance(30_000);
  const { stdout } = (await s.run("get x", { sessionId })).outcome;
  return { events: told(s), stdout };
}

console.log(JSON.stringify(await (process.argv[2] === "full" ? full() : readOnly())));
process.exit(0);
