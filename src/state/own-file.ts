// A file of the state directory that SQLite opens, kept from others: SQLite makes its files for all to read.

import { chmodSync, closeSync, openSync } from "node:fs";

/** What SQLite keeps beside a database has the mode of that; what a killed server has left keeps its own. */
const besides = ["-wal", "-shm", "-journal"];

/**
 * Makes an empty file with mode 0600, or gives the one that is there this mode. It never opens one that is there: closing it would take away the
 * locks that this process has on it. A file system that refuses either is left to SQLite, which tells of it.
 */
export function keepFileToOurselves(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    tryToClose(path);
  }
  for (const suffix of besides) tryToClose(`${path}${suffix}`);
}

function tryToClose(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch {
    // It is not there, or not ours to change.
  }
}
