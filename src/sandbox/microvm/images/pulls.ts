// Pulls an image with the runtime's own program, and reads how far it is from what it draws.

import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../../../clock.ts";
import { Failure } from "../../../failure.ts";

export type PullOptions = {
  readonly msb: string;
  readonly reference: string;
  readonly onProgress: (message: string) => void;
  /** Aborting ends the program; what it has downloaded by then may be used by the next one. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
};

/** A longer download is made of shorter ones that can be tried again. Milliseconds. */
const maxPullMs = 3_600_000;

const tellEveryMs = 1000;

/** Characters of the last drawing that are kept; one of 30 layers has about 6,000. */
const maxDrawnChars = 32_768;

/** Throws Failure `sandbox_creation`, whose cause has the program's last words; the signal's reason if that aborts. */
export async function pullImage({ msb, reference, onProgress, signal, clock }: PullOptions): Promise<void> {
  signal.throwIfAborted();
  onProgress(`pulling ${reference}`);
  const decoder = new TextDecoder();
  let drawn = "";
  const done = new AbortController();
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  clock.sleep(maxPullMs, done.signal).then(onAbort, () => undefined);
  const program = Bun.spawn([msb, "pull", reference], {
    signal: stop.signal,
    killSignal: "SIGKILL",
    // It draws its progress only on a terminal.
    terminal: {
      cols: 120,
      rows: 60,
      data: (_, bytes) => {
        drawn = (drawn + decoder.decode(bytes, { stream: true })).slice(-maxDrawnChars);
      },
    },
  });
  const telling = tellRegularly(() => onProgress(progressOf(drawn, reference)), clock, done.signal);
  const status = await program.exited;
  done.abort();
  signal.removeEventListener("abort", onAbort);
  await telling;
  signal.throwIfAborted();
  if (status === 0) return;
  throw new Failure("sandbox_creation", `the image ${reference} could not be pulled from its registry.`, {
    advice: ["Ask the operator to run `msb-mcp pull` on the server's machine, which tells why."],
    cause: new Error(lastWords(drawn)),
  });
}

/** `pulling NAME, layer 2 of 5: 12.5 MiB of 30 MiB`, as far as the drawing tells. */
export function progressOf(drawn: string, reference: string): string {
  const text = stripVTControlCharacters(drawn);
  const layers = [...text.matchAll(/layer (\d+)\/(\d+)\W*([\d.]+ [KMGT]?i?B)\/([\d.]+ [KMGT]?i?B) +(\w+)/g)];
  // Each drawing begins anew with the first layer; of the last one, the layer that moves is the last that is not complete.
  const [, layer, count, got, all, phase] =
    layers.findLast(([, , , now, whole]) => now !== whole) ?? layers.at(-1) ?? [];
  if (layer === undefined) return `pulling ${reference}`;
  return `pulling ${reference}, layer ${layer} of ${count}: ${got} of ${all}${phase === "downloading" ? "" : `, ${phase}`}`;
}

async function tellRegularly(tell: () => void, clock: Clock, done: AbortSignal): Promise<void> {
  while (!done.aborted) {
    await clock.sleep(tellEveryMs, done).then(tell, () => undefined);
  }
}

/** The program's last line that says something, without what it drew. */
function lastWords(drawn: string): string {
  const lines = stripVTControlCharacters(drawn)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.findLast((line) => line.startsWith("error:")) ?? lines.at(-1) ?? "it said nothing";
}
