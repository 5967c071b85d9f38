// The files of sessions, as their principals may reach them: which session, made if none is named, and kept while they are used.

import type { Files } from "../sandbox/files.ts";
import type { Flavor } from "../sandbox/flavors.ts";
import type { Opening, OpenRequest } from "./opening.ts";
import { shuttingDown } from "./refusal.ts";
import type { Session, SessionView } from "./session.ts";

export type FilesRequest = {
  readonly principal: string;
  /** Undefined: a new session. */
  readonly sessionId: string | undefined;
  /** For a new session; of one that is there, they must not contradict it. */
  readonly template?: string | undefined;
  readonly flavor?: Flavor | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((message: string) => void) | undefined;
};

export type SessionFiles = {
  readonly files: Files;
  readonly session: SessionView;
  /** It has been made for this request. */
  readonly created: boolean;
  /** Aborts with the request's, and when the session ends. */
  readonly signal: AbortSignal;
};

export type FileUsesOptions = {
  readonly open: (request: OpenRequest) => Promise<Opening>;
  /** Throws Failure `session_not_found` or `invalid_arguments`. */
  readonly find: (
    request: Pick<OpenRequest, "principal" | "template" | "flavor"> & { readonly sessionId: string },
  ) => Session;
};

export class FileUses {
  readonly #options: FileUsesOptions;
  #open = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: FileUsesOptions) {
    this.#options = options;
  }

  /** From now on none begins; resolves when those that are on have ended. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    if (this.#open === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /** As `Sessions.withFiles`. */
  async with<T>(request: FilesRequest, use: (files: SessionFiles) => Promise<T>): Promise<T> {
    if (this.#drained !== undefined) throw shuttingDown();
    this.#open++;
    try {
      const { session, boot, release } = await this.#openingFor(request);
      try {
        await boot(request.signal);
        const files = await session.files(request.signal);
        const signal = AbortSignal.any([request.signal, session.endingSignal]);
        return await use({ files, session: session.view, created: request.sessionId === undefined, signal });
      } finally {
        release();
        session.used();
      }
    } finally {
      this.#left();
    }
  }

  #left(): void {
    this.#open--;
    if (this.#open === 0) this.#drained?.resolve();
  }

  async #openingFor({ template, flavor, ...request }: FilesRequest): Promise<Opening> {
    const { open, find } = this.#options;
    const { sessionId } = request;
    if (sessionId === undefined) return await open({ ...request, template, flavor });
    const session = find({ ...request, template, flavor, sessionId });
    return { session, release: session.hold(), boot: () => Promise.resolve(undefined) };
  }
}
