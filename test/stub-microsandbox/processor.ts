// The server's processor: what calls cost is paid one after the other, and a call that was hung up on pays no more.

export class Processor {
  #turn: Promise<unknown> = Promise.resolve();

  /** Rejects when the caller hangs up. */
  async spend(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms <= 0) return;
    const before = this.#turn;
    const work = before.then(() => pause(ms, signal));
    this.#turn = work.catch(() => {});
    await work;
  }
}

/** Rejects when the caller hangs up. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
