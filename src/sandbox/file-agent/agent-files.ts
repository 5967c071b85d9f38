// The files of a sandbox through a program in it: what files.ts promises, as requests to that.

import type { Clock } from "../../clock.ts";
import { fileFailure } from "../file-failures.ts";
import type { FileInfo, Files, GuestPath, OpenedFile, WalkOptions, WriteOptions } from "../files.ts";
import { bytesOfGuestPath } from "../guest-paths.ts";
import { stampStepMs } from "../runner/changes.ts";
import { AgentLost, Refused } from "./agent.ts";
import { readCount, readInfo, readInfos } from "./answers.ts";
import { AgentLife, type LifeOptions } from "./life.ts";
import { openFile } from "./opened.ts";
import { orAborted } from "./or-aborted.ts";
import { writeFile } from "./writes.ts";

/** Behind a change, files are stamped by another step of the kernel's clock, as seen by one that tells whole milliseconds. */
const settlingMs = stampStepMs + 2;

export class AgentFiles implements Files {
  readonly #life: AgentLife;
  readonly #clock: Clock;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LifeOptions) {
    this.#life = new AgentLife(options);
    this.#clock = options.clock;
  }

  /** Resolves when what has been changed here is older than what a run changes that begins then: milliseconds at most. */
  async settled(): Promise<void> {
    const leftMs = this.#changedMs + settlingMs - this.#clock.monotonicMs();
    if (leftMs > 0) await this.#clock.sleep(leftMs);
  }

  async stat(path: GuestPath, signal: AbortSignal): Promise<FileInfo> {
    const { info } = await this.#ask(path, "stat", {}, signal);
    return readInfo(info);
  }

  async *walk(path: GuestPath, options: WalkOptions, signal: AbortSignal): AsyncGenerator<FileInfo> {
    checkPath(path, signal);
    yield* this.#walk(path, options, signal, true);
  }

  /** `repeat`: once more with another program, if this one had gone before anything was told. */
  async *#walk(
    path: GuestPath,
    { depth, skip = [] }: WalkOptions,
    signal: AbortSignal,
    repeat: boolean,
  ): AsyncGenerator<FileInfo> {
    let hasBegun = false;
    const { agent, release } = this.#life.hold();
    const begun = agent.request("walk", { path, depth, skip });
    try {
      const { header } = await orAborted(begun, signal);
      hasBegun = true;
      for (;;) {
        const { data } = await orAborted(agent.request("next", { handle: header.handle }), signal);
        const infos = readInfos(data);
        if (infos.length === 0) return;
        yield* infos;
      }
    } catch (error) {
      const isAgain = repeat && !hasBegun && error instanceof AgentLost && error.hadStarted;
      if (!isAgain) throw this.#told(error, path);
    } finally {
      // Also where it was aborted before it had begun.
      void begun
        .then(({ header }) => agent.request("close", { handle: header.handle }))
        .catch(() => undefined)
        .finally(release);
    }
    yield* this.#walk(path, { depth, skip }, signal, false);
  }

  async open(path: GuestPath, signal: AbortSignal): Promise<OpenedFile> {
    checkPath(path, signal);
    try {
      return await openFile(this.#life, path, (error) => this.#told(error, path), signal);
    } catch (error) {
      throw this.#told(error, path);
    }
  }

  async write(
    path: GuestPath,
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<FileInfo> {
    checkPath(path, signal);
    try {
      return await writeFile(this.#life, { path, content, options, signal });
    } catch (error) {
      throw this.#told(error, path);
    } finally {
      this.#changedMs = this.#clock.monotonicMs();
    }
  }

  async partBytes(path: GuestPath, partId: string, signal: AbortSignal): Promise<number | null> {
    const { partBytes } = await this.#ask(path, "part", { part: partId }, signal);
    return partBytes === null ? null : readCount(partBytes);
  }

  async makeFolder(path: GuestPath, signal: AbortSignal): Promise<void> {
    await this.#ask(path, "folder", {}, signal);
  }

  async makeLink(path: GuestPath, target: GuestPath, signal: AbortSignal): Promise<void> {
    checkPath(target, signal);
    await this.#ask(path, "link", { target }, signal, false);
  }

  async remove(path: GuestPath, { withContent }: { readonly withContent: boolean }, signal: AbortSignal) {
    await this.#ask(path, "remove", { withContent }, signal, false);
  }

  async move(
    from: GuestPath,
    to: GuestPath,
    { replace }: { readonly replace: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    checkPath(from, signal);
    checkPath(to, signal);
    const options = { source: from, target: to, replace };
    try {
      await this.#life.use(false, (agent) => orAborted(agent.request("move", options), signal));
    } catch (error) {
      throw this.#told(error, error instanceof Refused && error.isOfSource ? from : to);
    } finally {
      this.#changedMs = this.#clock.monotonicMs();
    }
  }

  /** The sandbox ends. */
  end(): void {
    this.#life.end();
  }

  async #ask(
    path: GuestPath,
    op: string,
    options: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    repeat = true,
  ): Promise<Readonly<Record<string, unknown>>> {
    checkPath(path, signal);
    try {
      const { header } = await this.#life.use(repeat, (agent) =>
        orAborted(agent.request(op, { path, ...options }), signal),
      );
      return header;
    } catch (error) {
      throw this.#told(error, path);
    }
  }

  #told(error: unknown, path: GuestPath): unknown {
    if (error instanceof Refused) {
      const { errorName, bytesSoFar } = error;
      return fileFailure(errorName, path, bytesSoFar === undefined ? {} : { bytesSoFar });
    }
    return this.#life.told(error);
  }
}

/** Throws Failure `file_refused`, or the signal's reason. */
function checkPath(path: GuestPath, signal: AbortSignal): void {
  signal.throwIfAborted();
  bytesOfGuestPath(path);
}
