// Whether this process itself stood still, and with it, most likely, the whole machine: what nodes then tell of each other says nothing of them.

/** In the order of time. */
export type Stall = { readonly fromMs: number; readonly untilMs: number };

/** The event loop is looked at so often. Milliseconds. */
const lookMs = 250;
/** Who is late by less has only much to do. Milliseconds. */
const lateMs = 5_000;

/** `nowMs` and `every` are of the clock; all that are noticed are in the array from then on. */
export function watchStalls(
  onStall: (stall: Stall) => void,
  nowMs: () => number = () => performance.now(),
  every: (look: () => void, ms: number) => Disposable = byTimer,
): Disposable {
  let lastMs = nowMs();
  return every(() => {
    const untilMs = nowMs();
    if (untilMs - lastMs - lookMs > lateMs) onStall({ fromMs: lastMs, untilMs });
    lastMs = untilMs;
  }, lookMs);
}

function byTimer(look: () => void, ms: number): Disposable {
  const timer = setInterval(look, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
