// Who ran what, whose files came and went, and whom sandboxes reached: a line of JSON for each execution, transfer and connection, in a file that only grows. A disk that is
// full or broken never fails a call: lines wait, a bounded number of them, and what is lost is told. The file is opened anew for each batch, so
// that it can be moved away at any time.

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import type { Emit, Event, ExecutionEnded, TransferEnded } from "../events.ts";
import { Failure } from "../failure.ts";

export type AuditOptions = {
  readonly path: string;
  /** Whether the source itself is written, beside its hash. */
  readonly withSource: boolean;
  /** The node of a cluster that this server is, asked for each line; undefined where it is none. */
  readonly nodeId: () => string | undefined;
  readonly clock: Clock;
  /** Told `audit.failed`, `audit.lost` and `audit.restored`. */
  readonly emit: Emit;
};

/** Subscriber of events. Disposing it writes what waits. */
export type Audit = AsyncDisposable & { readonly emit: Emit };

type NetworkEvent = Extract<Event, { type: "network.refused" | "network.closed" }>;

/** Bytes of lines that may wait for the disk, beside those that are being written: new ones beyond it are lost. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Between two attempts on a disk that does not take them, first and at most. Milliseconds. */
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;
/** What a stop waits for the disk. Milliseconds. */
const lastWriteMs = 5_000;

/** Throws Failure `configuration` if the file cannot be opened: what breaks later is no reason to fail. */
export async function openAudit(options: AuditOptions): Promise<Audit> {
  try {
    await (await openToAppend(options.path)).close();
  } catch (cause) {
    throw unusable(options.path, cause);
  }
  return new AuditFile(options);
}

class AuditFile implements Audit {
  readonly #options: AuditOptions;
  /** At most `maxWaitingBytes`. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** What is being written: all of it, or the rest of what the disk has not taken. */
  #batch: Buffer = Buffer.alloc(0);
  #batchLines = 0;
  #writing: Promise<void> | undefined;
  readonly #stop = new AbortController();
  /** By session, whose it is: of those that are open. */
  readonly #principals = new Map<string, string>();

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  readonly emit: Emit = (event) => {
    if (event.type === "session.opened") this.#principals.set(event.sessionId, event.principal);
    else if (event.type === "session.closed") this.#principals.delete(event.sessionId);
    else if (event.type === "execution.ended") this.#add(this.#execution(event));
    else if (event.type === "transfer.ended") this.#add(this.#transfer(event));
    else if (event.type === "network.refused") this.#add(this.#network(event, { ended: "refused", rule: event.rule }));
    else if (event.type === "network.closed") this.#add(this.#network(event, connectionOf(event)));
  };

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock } = this.#options;
    this.#stop.abort();
    const done = new AbortController();
    const late = clock.sleep(lastWriteMs, done.signal).catch(() => undefined);
    await Promise.race([this.#writing, late]);
    done.abort();
    const executions = this.#waiting.length + this.#batchLines;
    if (executions > 0) this.#options.emit({ type: "audit.lost", executions });
  }

  #add(record: Readonly<Record<string, unknown>>): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    if (this.#waitingBytes + line.length > maxWaitingBytes) {
      this.#options.emit({ type: "audit.lost", executions: 1 });
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#write();
  }

  /** How each line begins. */
  #head() {
    const { clock, nodeId } = this.#options;
    const node = nodeId();
    return { time: new Date(clock.now()).toISOString(), ...(node !== undefined && { node }) };
  }

  #transfer(event: TransferEnded) {
    return {
      ...this.#head(),
      principal: event.principal,
      session_id: event.sessionId,
      kind: event.direction,
      way: event.way,
      path: event.path(),
      bytes: event.bytes,
      ended: event.outcome,
      seconds: Math.round(event.durationMs) / 1000,
    };
  }

  #network({ sessionId, host, port }: NetworkEvent, more: Readonly<Record<string, unknown>>) {
    // Nobody's, where the sandbox is one that builds packages.
    const principal = this.#principals.get(sessionId) ?? null;
    return { ...this.#head(), principal, session_id: sessionId, kind: "connection", host, port, ...more };
  }

  #execution(event: ExecutionEnded) {
    const source = event.source();
    return {
      ...this.#head(),
      principal: event.principal,
      session_id: event.sessionId,
      execution_id: event.executionId,
      template: event.template,
      kind: event.kind,
      source_sha256: createHash("sha256").update(source, "utf8").digest("hex"),
      source_bytes: Buffer.byteLength(source),
      ended: event.ended,
      exit_code: event.exitCode,
      seconds: Math.round(event.runMs) / 1000,
      ...(this.#options.withSource && { source }),
    };
  }

  /** Until nothing waits; once the server stops, only as long as the disk takes it. Never rejects. */
  async #write(): Promise<void> {
    let retryMs = firstRetryMs;
    let isBroken = false;
    while (this.#batch.length > 0 || this.#waiting.length > 0) {
      try {
        await this.#writeBatch();
        if (isBroken) this.#options.emit({ type: "audit.restored" });
        isBroken = false;
        retryMs = firstRetryMs;
      } catch (error) {
        isBroken = true;
        this.#options.emit({ type: "audit.failed", reason: codeOf(error) });
        if (this.#stop.signal.aborted) break;
        await this.#options.clock.sleep(retryMs, this.#stop.signal).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, lastRetryMs);
      }
    }
    this.#writing = undefined;
  }

  async #writeBatch(): Promise<void> {
    await using file = await openToAppend(this.#options.path);
    if (this.#batch.length === 0) {
      this.#batch = Buffer.concat(this.#waiting);
      this.#batchLines = this.#waiting.length;
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
    while (this.#batch.length > 0) {
      const { bytesWritten } = await file.write(this.#batch);
      this.#batch = this.#batch.subarray(bytesWritten);
    }
    this.#batchLines = 0;
  }
}

function connectionOf({ sentBytes, receivedBytes, durationMs }: Extract<Event, { type: "network.closed" }>) {
  const seconds = Math.round(durationMs) / 1000;
  return { ended: "closed", sent_bytes: sentBytes, received_bytes: receivedBytes, seconds };
}

function unusable(path: string, cause: unknown): Failure {
  const what = `the audit file ${path} cannot be written: ${codeOf(cause)}.`;
  return new Failure("configuration", what, { advice: ["Name another one with --audit-file."], cause });
}

function openToAppend(path: string): Promise<FileHandle> {
  return open(path, "a", 0o600);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
}
