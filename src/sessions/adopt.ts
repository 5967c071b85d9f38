// The leak of this domain, closed in one place: a sandbox that arrives after its caller has left.

/**
 * Waits for `arriving`, but no longer than until `signal` aborts; then rejects with the signal's reason at once, and disposes what arrives later.
 * `gone` is called when nothing of it is left to hold a place for: after that disposal, or when `arriving` failed.
 */
export async function adoptOrDestroy<T extends AsyncDisposable>(
  arriving: Promise<T>,
  signal: AbortSignal,
  gone: () => void,
): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  let adopted = false;
  arriving.then(
    // Runs before the race below settles its awaiter, so `adopted` is decided here and only here.
    async (thing) => {
      if (!signal.aborted) {
        adopted = true;
        return;
      }
      await thing[Symbol.asyncDispose]();
      gone();
    },
    gone,
  );
  try {
    const thing = await Promise.race([arriving, left]);
    if (!adopted) throw signal.reason;
    return thing;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
