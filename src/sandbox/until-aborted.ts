// Content that comes from a caller, taken no longer than the caller's signal says, even where the caller waits for ever.

export async function* untilAborted<T>(content: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  signal.throwIfAborted();
  /** Gives up the step that is on. A promise for all steps, to race against, would hold what each of them has given. */
  let giveUp = (): void => undefined;
  const onAbort = () => giveUp();
  signal.addEventListener("abort", onAbort, { once: true });
  const iterator = content[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const step = Promise.withResolvers<IteratorResult<T>>();
      giveUp = () => step.reject(signal.reason);
      if (signal.aborted) giveUp();
      iterator.next().then(step.resolve, step.reject);
      const next = await step.promise;
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
