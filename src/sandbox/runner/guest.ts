// How a runner sees the machine it runs in: an adapter starts programs there and hands over their streams.

/** A program running inside a sandbox. */
export interface GuestProcess {
  /** Real pipes on the guest's side wherever the host can make them, so that `/dev/stdout` can be opened there. */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** What the program writes to its descriptor 3; null unless `control` was asked for. */
  readonly control: ReadableStream<Uint8Array> | null;
  /** Writes to the program's stdin. Never throws: a program that is gone is told by `exited`. */
  write(text: string): void;
  /** How it ended; `code` is null where a signal ended it. Never rejects. */
  readonly exited: Promise<GuestExit>;
  /** Ends it by force, at once. */
  kill(): void;
}

export type GuestExit = { readonly code: number | null; readonly signal: string | null };

export type GuestSpawnOptions = {
  /** Connect stdin (for `write`) and descriptor 3. Otherwise stdin is empty, or has `input`, and there is no descriptor 3. */
  readonly control: boolean;
  /** Of a program that knows where it ends: whether anything ends stdin behind it is the adapter's. */
  readonly input?: string | null;
  readonly env: Readonly<Record<string, string>>;
};

export type SpawnGuest = (argv: readonly string[], options: GuestSpawnOptions) => GuestProcess;
