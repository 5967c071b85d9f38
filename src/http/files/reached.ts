// What a request to the file routes has got hold of, once it may: a path in the files of a session.

import type { ArchiveFormat } from "../../archives/format.ts";
import type { Files, GuestPath } from "../../sandbox/files.ts";
import type { Transfer } from "./transfers.ts";

export type Reached = {
  readonly files: Files;
  readonly path: GuestPath;
  readonly format: ArchiveFormat | undefined;
  readonly maxBytes: number;
  /** Names this place for a write that comes in several requests. */
  readonly partId: string;
  /** Ends another upload of this place, and waits for its end; a later one ends this one, by the signal. */
  readonly alone: <T>(write: (signal: AbortSignal) => Promise<T>) => Promise<T>;
  readonly transfer: Transfer;
  /** Aborts when the client has left, the session ends, or the transfer is too slow. */
  readonly signal: AbortSignal;
  /** Set to false where the other side has not got all of it. */
  isWhole: boolean;
};
