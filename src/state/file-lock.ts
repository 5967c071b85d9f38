// A lock on a file that the system takes back however its process ends.

import { Database } from "bun:sqlite";
import { accessSync, constants } from "node:fs";
import { keepFileToOurselves } from "./own-file.ts";

export type FileLock = Disposable;

/**
 * `alone`: nobody else has the file; `shared`: nobody has it alone. `taken` tells that somebody has, `unknown` that the file system has no locks.
 *
 * SQLite's lock is the kernel's on the open file (fcntl, LockFileEx): it goes with the process, and a file that a
 * killed server has left means nothing.
 */
export function lockFile(path: string, how: "alone" | "shared"): FileLock | "taken" | "unknown" {
  let lock: Database | undefined;
  try {
    keepFileToOurselves(path);
    const opened = new Database(path, { create: true });
    lock = opened;
    // Of a file that it may not write, SQLite takes a lock that others can have too.
    accessSync(path, constants.W_OK);
    if (how === "alone") {
      opened.run("BEGIN EXCLUSIVE");
    } else {
      opened.run("BEGIN");
      // The lock comes with the first look.
      opened.query("SELECT count(*) FROM sqlite_schema").get();
    }
    return { [Symbol.dispose]: () => opened.close() };
  } catch (error) {
    lock?.close();
    return error instanceof Error && "code" in error && error.code === "SQLITE_BUSY" ? "taken" : "unknown";
  }
}
