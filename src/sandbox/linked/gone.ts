// A sandbox that is given up: why, and through which failure of a call it was noticed.

export class Gone extends Error {
  override readonly name = "Gone";
  /** The call whose failure says more than that the sandbox has ended; null where there is none. */
  readonly call: Error | null;

  /** `reason` is shown to users: one clause without a capital or a full stop. */
  constructor(reason: string, options: { readonly call?: Error | null; readonly cause?: unknown } = {}) {
    super(reason, { cause: options.cause ?? options.call });
    this.call = options.call ?? null;
  }
}
