// Keeps an answer under the size that clients take: the Python SDK refuses a server-sent event over 1 MiB, Claude Desktop a result over 1 MiB.
// What is left out is counted, like what was left out while the program ran (sessions/output.ts).

import { encodedBytes } from "../../sessions/executions/encoded.ts";
import type { Outcome } from "../../sessions/executions/outcome.ts";
import { filesBytes } from "./changed-files.ts";
import { displaysBytes } from "./content.ts";

/** An answer's encoded size (CONTRACT.md section 5), less what is beside the output and the result. Bytes. */
export const outputBudgetBytes = 880_000;
/** Of that, the value of a last expression: it is printed too. */
const resultBudgetBytes = 200_000;
/** JSON's longest form of one UTF-16 code unit, `\u001f`. */
const maxBytesPerUnit = 6;

type Output = Pick<
  Outcome,
  "stdout" | "stderr" | "stdoutTruncatedBytes" | "stderrTruncatedBytes" | "result" | "displays"
> & { readonly changes?: Outcome["changes"] };

/** Standard output and error are in an answer twice, as text and as structured content; the result and what was shown once. */
export function fitOutcome<T extends Output>(outcome: T): T {
  const { stdout, stderr, result, displays, changes } = outcome;
  const units = 2 * (stdout.length + stderr.length) + (result?.length ?? 0);
  const roomBytes = outputBudgetBytes - displaysBytes(displays) - filesBytes(changes);
  if (units * maxBytesPerUnit <= roomBytes) return outcome;
  const told = fitResult(result, roomBytes);
  const budgetBytes = (roomBytes - encodedBytes(told ?? "")) / 2;
  const [outBytes, errBytes] = [encodedBytes(stdout), encodedBytes(stderr)];
  // What one of them does not need is the other's.
  const err = shorten(stderr, Math.max(budgetBytes / 2, budgetBytes - outBytes));
  const out = shorten(stdout, budgetBytes - Math.min(errBytes, encodedBytes(err.text)));
  return {
    ...outcome,
    stdout: out.text,
    stderr: err.text,
    stdoutTruncatedBytes: outcome.stdoutTruncatedBytes + out.leftOutBytes,
    stderrTruncatedBytes: outcome.stderrTruncatedBytes + err.leftOutBytes,
    result: told,
    displays: displays.map((display) => ({ ...display, at: out.moved(display.at) })),
  };
}

/** As much of it as an answer has with so much room for it and the output. */
export function fitResult(result: string | null, roomBytes: number): string | null {
  return result === null ? null : shorten(result, Math.min(resultBudgetBytes, roomBytes / 2)).text;
}

type Shortened = {
  readonly text: string;
  readonly leftOutBytes: number;
  /** Where a place in the whole text is in this one; behind the gap's line, if it has been left out. */
  readonly moved: (at: number) => number;
};

/** Its head and its tail, at ends of lines where those are near, in at most so many bytes of JSON. */
function shorten(text: string, budgetBytes: number): Shortened {
  let bytes = encodedBytes(text);
  if (bytes <= budgetBytes) return { text, leftOutBytes: 0, moved: (at) => at };
  let keptUnits = Math.floor((text.length * budgetBytes) / bytes);
  for (;;) {
    const half = Math.floor(keptUnits / 2);
    const head = wholeHead(text.slice(0, half));
    const tail = wholeTail(text.slice(text.length - half));
    const leftOutBytes = Buffer.byteLength(text) - Buffer.byteLength(head) - Buffer.byteLength(tail);
    const start = `${head}\n[… ${leftOutBytes} bytes left out …]\n`;
    const shortened = start + tail;
    bytes = encodedBytes(shortened);
    if (bytes <= budgetBytes || keptUnits === 0) {
      const moved = (at: number) =>
        at <= head.length ? at : start.length + Math.max(0, at - (text.length - tail.length));
      return { text: shortened, leftOutBytes, moved };
    }
    // Escapes need not be spread evenly.
    keptUnits = Math.floor(keptUnits * Math.min(0.95, budgetBytes / bytes));
  }
}

/** A line end this near is a better place to cut. UTF-16 code units. */
const nearUnits = 1000;

function wholeHead(head: string): string {
  const line = head.lastIndexOf("\n");
  if (line >= 0 && head.length - line <= nearUnits) return head.slice(0, line);
  return /[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head;
}

function wholeTail(tail: string): string {
  const line = tail.indexOf("\n");
  if (line >= 0 && line < nearUnits) return tail.slice(line + 1);
  return /^[\uDC00-\uDFFF]/.test(tail) ? tail.slice(1) : tail;
}
