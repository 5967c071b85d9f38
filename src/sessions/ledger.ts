// What a restart must know: the sessions that are open, and how others ended. A disk that is full or broken never fails a
// call: the ledger then goes on in memory, says so, and writes all of it down once the disk takes it again.

import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import { type Ending, Endings } from "./endings.ts";
import { codeOf, type LedgerFile, openOrSetAside } from "./ledger-file.ts";
import type { Entry } from "./ledger-rows.ts";

export type LedgerOptions = {
  /** Undefined: in memory only. */
  readonly path: string | undefined;
  /** Whether there has been a ledger before. */
  readonly isExpected: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** How long the last use of a session may stay unwritten: a kill loses so much of it. Milliseconds. */
const flushMs = 1_000;
/** How often a disk that took nothing is tried again. Milliseconds. */
const retryMs = 10_000;

/** One process at a time may have one of a path. */
export class Ledger implements Disposable {
  readonly endings = new Endings();
  readonly #options: LedgerOptions;
  /** One a session that is open. */
  readonly #open = new Map<string, Entry>();
  /** Sessions whose last use is not in the file yet. */
  readonly #unwritten = new Set<string>();
  readonly #end = new AbortController();
  #file: LedgerFile | undefined;
  #isDegraded = false;
  #isFlushing = false;
  #isRetrying = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    const { path, isExpected, clock } = options;
    const { endings } = this;
    if (path === undefined) {
      if (isExpected) this.#forgot("The ledger of sessions is not used.");
      return;
    }
    try {
      const { file, entries, ended, lost, isNew } = openOrSetAside(path);
      this.#file = file;
      for (const entry of entries) this.#open.set(entry.sessionId, entry);
      for (const { sessionId, ...ending } of ended) endings.remember(sessionId, ending, clock.now());
      file.forget(endings.forgottenBefore(clock.now()));
      if (isNew && (isExpected || lost !== undefined))
        this.#forgot(lost ?? "The ledger of sessions is missing or empty.");
      else if (lost !== undefined) this.#warn(lost);
    } catch (error) {
      if (isExpected) this.#forgot(`The ledger of sessions cannot be opened (${codeOf(error)}).`);
      this.#degrade(error);
    }
  }

  /** The sessions that are open, those that an earlier process had open included. */
  get open(): readonly Entry[] {
    return [...this.#open.values()];
  }

  /** Written when this returns. */
  opened(entry: Entry): void {
    this.#open.set(entry.sessionId, entry);
    this.#write((file) => file.putSessions([entry]));
  }

  /** Its sandbox has booted. Written when this returns. */
  booted(sessionId: string, sandboxName: string): void {
    const entry = this.#open.get(sessionId);
    if (entry !== undefined) this.opened({ ...entry, sandboxName });
  }

  /** Written within a second. */
  used(sessionId: string, lastUsed: number, executions: number): void {
    const entry = this.#open.get(sessionId);
    if (entry === undefined) return;
    this.#open.set(sessionId, { ...entry, lastUsed, executions });
    if (this.#file === undefined) return;
    this.#unwritten.add(sessionId);
    if (!this.#isFlushing) void this.#flushSoon();
  }

  /** Written when this returns. */
  ended(sessionId: string, ending: Ending): void {
    this.endings.remember(sessionId, ending, this.#options.clock.now());
    this.#open.delete(sessionId);
    this.#unwritten.delete(sessionId);
    this.#write((file) => file.putEndings([{ sessionId, ...ending }]));
  }

  [Symbol.dispose](): void {
    this.#end.abort();
    this.#flush();
    this.#file?.close();
    this.#file = undefined;
  }

  #forgot(what: string): void {
    const { endings } = this;
    const { clock } = this.#options;
    endings.forgottenSince = clock.now();
    this.#warn(`${what} Sessions from before this start are not known.`);
  }

  #warn(message: string): void {
    this.#options.emit({ type: "server.warning", message });
  }

  #write(put: (file: LedgerFile) => void): void {
    if (this.#file === undefined) return;
    try {
      if (!this.#file.isThere) throw new Error("the file was deleted");
      put(this.#file);
    } catch (error) {
      this.#degrade(error);
    }
  }

  async #flushSoon(): Promise<void> {
    this.#isFlushing = true;
    await this.#options.clock.sleep(flushMs, this.#end.signal).catch(() => undefined);
    this.#isFlushing = false;
    this.#flush();
  }

  #flush(): void {
    const changed = [...this.#unwritten].flatMap((sessionId) => this.#open.get(sessionId) ?? []);
    this.#unwritten.clear();
    if (changed.length === 0) return;
    const { endings } = this;
    const { clock } = this.#options;
    this.#write((file) => {
      file.putSessions(changed);
      file.forget(endings.forgottenBefore(clock.now()));
    });
  }

  #degrade(error: unknown): void {
    this.#file?.close();
    this.#file = undefined;
    if (!this.#isDegraded) this.#options.emit({ type: "ledger.degraded", reason: codeOf(error) });
    this.#isDegraded = true;
    if (!this.#isRetrying) void this.#retry();
  }

  async #retry(): Promise<void> {
    this.#isRetrying = true;
    while (!this.#end.signal.aborted && !this.#writeAll()) {
      await this.#options.clock.sleep(retryMs, this.#end.signal).catch(() => undefined);
    }
    this.#isRetrying = false;
  }

  /** Everything that is known, into whatever file there is now. False if the disk does not take it. */
  #writeAll(): boolean {
    const { endings } = this;
    const { path, emit } = this.#options;
    if (path === undefined) return false;
    let file: LedgerFile | undefined;
    try {
      ({ file } = openOrSetAside(path));
      file.putEndings(endings.all());
      file.putSessions(this.open);
    } catch {
      file?.close();
      return false;
    }
    this.#file = file;
    this.#isDegraded = false;
    emit({ type: "ledger.restored" });
    return true;
  }
}
