// One server, one state directory: a claim on it that the system takes back however the process ends. Servers on stdio
// come in numbers, one a client: each takes the first free folder below it, and is an installation of its own there.

import { Database } from "bun:sqlite";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.ts";

export type StateClaim = Disposable & {
  /** Where to keep what is this server's alone. */
  readonly folder: string;
  /** Tells servers on one state directory apart; empty for the one on HTTP. */
  readonly slot: string;
  /** No server has had it before. */
  readonly isFirst: boolean;
  /** False where the file system has no locks: nobody can tell then whether another server is there. */
  readonly isCertain: boolean;
};

const lockName = "server.lock";

/** Servers on stdio at once on one state directory. */
const maxSlots = 64;

/** The directory must be there. Throws Failure `configuration` if another server has it. */
export function claimState(stateDir: string, transport: "http" | "stdio"): StateClaim {
  const slots = transport === "http" ? [""] : Array.from({ length: maxSlots }, (_, at) => `stdio-${at}`);
  for (const slot of slots) {
    const folder = join(stateDir, slot);
    const isFirst = !existsSync(join(folder, lockName));
    const lock = lockFolder(folder);
    if (lock === "taken") continue;
    const release = () => lock !== "unknown" && lock.close();
    return { folder, slot, isFirst, isCertain: lock !== "unknown", [Symbol.dispose]: release };
  }
  const who = transport === "http" ? "another server uses" : `${maxSlots} servers on stdio use`;
  throw new Failure("configuration", `${who} the state directory ${stateDir}.`, {
    advice: ["Stop it, or name another directory with --state-dir."],
  });
}

/**
 * SQLite's exclusive lock is the kernel's on the open file (fcntl, LockFileEx): it goes with the process, and a file that a
 * killed server has left means nothing.
 */
function lockFolder(folder: string): Database | "taken" | "unknown" {
  let lock: Database | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = new Database(join(folder, lockName), { create: true });
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    return error instanceof Error && "code" in error && error.code === "SQLITE_BUSY" ? "taken" : "unknown";
  }
}
