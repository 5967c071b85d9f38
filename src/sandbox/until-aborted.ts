// Content that comes from a caller, taken no longer than the caller's signal says, even where the caller waits for ever.

export async function* untilAborted<T>(content: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const onAbort = () => aborted.reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", onAbort, { once: true });
  const iterator = content[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done === true) {
        isOver = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not waited for: a generator ends only where it goes on, which it may never do.
    if (!isOver) iterator.return?.().catch(() => undefined);
  }
}
