// The files of all executions' output, a folder a session: what they take in all is bounded, and nothing stays of a session that has
// ended.

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Emit } from "../../events.ts";
import { type ExecutionRecord, readRecords, removeRecord, writeRecord } from "./records.ts";
import { removeIfMay } from "./removal.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

export type SpoolsOptions = {
  /** In the state directory; made when it is needed. */
  readonly folder: string;
  /** Of all executions together; what is the oldest goes first. */
  readonly maxTotalBytes: number;
  readonly emit: Emit;
};

export class Spools {
  readonly #options: SpoolsOptions;
  /** Those that have or may come to have a file, in the order of their making; as many as there are executions. */
  readonly #spools = new Set<Spool>();
  /** Ids of executions that are written down: most are never, and their end costs no look at the disk. */
  readonly #recorded = new Set<string>();
  #fileBytes = 0;
  #isWarned = false;

  constructor(options: SpoolsOptions) {
    this.#options = options;
  }

  /** What lies in files now. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Ids have no character that means anything in a path. */
  open(sessionId: string, executionId: string): Spool {
    return this.#kept(new Spool(this.#optionsOf(sessionId, executionId)));
  }

  /** What an earlier process has written down of a session's executions, with their output, the oldest first. Blocks: for a start. */
  reopen(sessionId: string): readonly { readonly record: ExecutionRecord; readonly spool: Spool }[] {
    return readRecords(this.#options.folder, sessionId).map((record) => {
      this.#recorded.add(record.id);
      const spool = this.#kept(Spool.reopen(this.#optionsOf(sessionId, record.id)));
      this.#makeRoom(0);
      return { record, spool };
    });
  }

  writeDown(record: ExecutionRecord): void {
    this.#recorded.add(record.id);
    writeRecord(this.#options.folder, record);
  }

  /** The execution is not wanted any more. */
  forget(sessionId: string, executionId: string, spool: Spool): void {
    spool.drop("end");
    this.#spools.delete(spool);
    if (this.#recorded.delete(executionId)) removeRecord(this.#options.folder, sessionId, executionId);
  }

  /** Nothing of the session's is left, once its executions have been forgotten. */
  removeSession(sessionId: string): void {
    removeIfMay(join(this.#options.folder, sessionId));
  }

  /** Removes what an earlier process has left of sessions that are not kept. Never rejects. */
  async sweep(isKept: (sessionId: string) => boolean): Promise<void> {
    const names = await readdir(this.#options.folder).catch(() => []);
    for (const name of names) {
      if (isKept(name)) continue;
      await rm(join(this.#options.folder, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }

  #optionsOf(sessionId: string, executionId: string): SpoolOptions {
    return {
      path: join(this.#options.folder, sessionId, executionId),
      onGrowing: (bytes) => this.#makeRoom(bytes),
      onResized: (bytes) => {
        this.#fileBytes += bytes;
      },
      onUnwritable: (error) => this.#tellUnwritable(error),
    };
  }

  #kept(spool: Spool): Spool {
    this.#spools.add(spool);
    return spool;
  }

  #makeRoom(bytes: number): void {
    for (const spool of this.#spools) {
      if (this.#fileBytes + bytes <= this.#options.maxTotalBytes) return;
      if (spool.fileBytes === 0) continue;
      spool.drop("room");
      this.#spools.delete(spool);
    }
  }

  #tellUnwritable(cause: unknown): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const message = `The output of executions cannot be written to ${this.#options.folder} (${why}): of each, memory keeps the first 1 MiB.`;
    this.#options.emit({ type: "server.warning", message });
  }
}
