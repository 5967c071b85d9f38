// The ledger's file: SQLite, one writer, nothing that waits for a disk. A file that makes no sense is put aside. What is
// thrown here is SQLite's or the file system's; ledger.ts decides what becomes of it.

import { Database } from "bun:sqlite";
import { renameSync, rmSync, statSync } from "node:fs";
import { flavorNames } from "../sandbox/flavors.ts";
import { keepFileToOurselves } from "../state/own-file.ts";
import { endReasons, maxEndings } from "./endings.ts";
import {
  type EndingRow,
  type Entry,
  parseEnding,
  parseEntry,
  type SessionRow,
  schema,
  schemaVersion,
} from "./ledger-rows.ts";

export type Opened = {
  readonly file: LedgerFile;
  readonly entries: readonly Entry[];
  readonly ended: readonly EndingRow[];
  /** There was none, or an empty one. */
  readonly isNew: boolean;
  /** What could not be read, for the operator. */
  readonly lost: string | undefined;
};

/** A file that cannot be read is put aside, so that somebody may look at it, and a new one is begun. */
export function openOrSetAside(path: string): Opened {
  try {
    return open(path);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const aside = `${path}.unreadable`;
    renameSync(path, aside);
    for (const suffix of ["-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
    const lost = `The ledger of sessions cannot be read (${codeOf(error)}) and was put aside as ${aside}.`;
    return { ...open(path), lost };
  }
}

/** SQLite's or the system's code of an error, or its message. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}

export class LedgerFile {
  readonly #database: Database;
  readonly #path: string;
  readonly #inode: number;
  /** As it was found; 0 for a new one. */
  readonly version: number;

  constructor(path: string) {
    this.#path = path;
    keepFileToOurselves(path);
    this.#database = new Database(path, { create: true, strict: true });
    try {
      // Exclusive, so that SQLite keeps its index in memory rather than in a mapped file, where a full disk would be a fatal signal. Without
      // syncing: what is written survives this process at once, and a crash of the whole machine takes local sandboxes along.
      this.#database.run("PRAGMA locking_mode = EXCLUSIVE");
      this.#database.run("PRAGMA journal_mode = WAL");
      this.#database.run("PRAGMA synchronous = OFF");
      const found = this.#database.query<{ user_version: number }, []>("PRAGMA user_version").get();
      this.version = found?.user_version ?? 0;
      if (this.version === 0) {
        this.#each(schema, (statement) => void this.#database.run(statement));
      }
      this.#inode = statSync(path).ino;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether the file of that name is still this one: SQLite writes on into one that was deleted. */
  get isThere(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  read(): { readonly sessions: readonly unknown[]; readonly endings: readonly unknown[] } {
    return {
      sessions: this.#database.query<unknown, []>("SELECT * FROM sessions ORDER BY created_at").all(),
      endings: this.#database.query<unknown, []>("SELECT * FROM endings ORDER BY at").all(),
    };
  }

  /** All or none. */
  putSessions(entries: readonly Entry[]): void {
    const put = this.#database.query<unknown, [SessionRow]>(
      "INSERT OR REPLACE INTO sessions VALUES ($id, $principal, $template, $flavor, $created_at, $last_used, $executions, $sandbox_name)",
    );
    this.#each(entries, ({ sessionId, createdAt, lastUsed, sandboxName, ...same }) => {
      put.run({ id: sessionId, created_at: createdAt, last_used: lastUsed, sandbox_name: sandboxName, ...same });
    });
  }

  /** All or none; the sessions are open no longer. */
  putEndings(endings: readonly EndingRow[]): void {
    const put = this.#database.query<unknown, [string, string, string, number, string | null]>(
      "INSERT OR REPLACE INTO endings (id, principal, reason, at, detail) VALUES (?, ?, ?, ?, ?)",
    );
    this.#each(endings, ({ sessionId, principal, reason, at, detail }) => {
      put.run(sessionId, principal, reason, at, detail ?? null);
    });
  }

  /** Endings from before that time, and those of which there are too many. */
  forget(beforeMs: number): void {
    this.#database
      .query<unknown, [number, number]>(
        "DELETE FROM endings WHERE at < ? OR id IN (SELECT id FROM endings ORDER BY at DESC LIMIT -1 OFFSET ?)",
      )
      .run(beforeMs, maxEndings);
  }

  close(): void {
    try {
      this.#database.close();
    } catch {
      // There is nothing more to be done with it.
    }
  }

  /** In one transaction; a single statement is one by itself, and cheaper so. */
  #each<T>(items: readonly T[], write: (item: T) => void): void {
    if (items.length === 1) items.forEach(write);
    else this.#database.transaction(() => items.forEach(write))();
  }
}

function open(path: string): Opened {
  const file = new LedgerFile(path);
  try {
    if (file.version !== 0 && file.version !== schemaVersion) throw new UnknownVersion(`version ${file.version}`);
    const { sessions, endings } = file.read();
    const entries = sessions.map((row) => parseEntry(row, flavorNames)).filter((entry) => entry !== undefined);
    const ended = endings.map((row) => parseEnding(row, endReasons)).filter((ending) => ending !== undefined);
    const skipped = sessions.length + endings.length - entries.length - ended.length;
    const lost = skipped === 0 ? undefined : `${skipped} entries of the ledger of sessions make no sense.`;
    return { file, entries, ended, lost, isNew: file.version === 0 };
  } catch (error) {
    file.close();
    throw error;
  }
}

class UnknownVersion extends Error {}

function isUnreadable(error: unknown): boolean {
  if (error instanceof UnknownVersion) return true;
  return /^SQLITE_(CORRUPT|NOTADB|SCHEMA|ERROR$|IOERR_SHORT_READ)/.test(codeOf(error));
}
