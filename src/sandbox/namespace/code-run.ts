// One run of code in a sandbox's interpreter, and what is left to do when it is interrupted.

import type { RunEnd, RunRequest, RunSignal } from "../port.ts";
import type { Interpreter, InterpreterControl } from "../runner/runner.ts";

/** How long interrupted code has before it is ended by force. */
const interruptGraceMs = 1000;
export type CodeRunOptions = {
  readonly interpreter: Interpreter;
  readonly request: Pick<RunRequest, "source" | "signal" | "onOutput" | "onDisplay" | "stdin" | "onStarted">;
  /** As InterpreterRun.onReplaced. */
  readonly onReplaced: () => void;
  /** Ends what the run has started by force, whatever it takes. */
  readonly end: () => Promise<void>;
  /** Called for each signal that the caller sends while the run is on. */
  readonly onSend: (signal: RunSignal, control: InterpreterControl) => void;
};

export async function runCode({ interpreter, request, onReplaced, end, onSend }: CodeRunOptions): Promise<RunEnd> {
  const { source, signal, onOutput, onDisplay, stdin } = request;
  let isOver = false;
  let ending: Promise<void> | undefined;
  try {
    const { exit: _, ...told } = await interpreter.run({
      ...{ source, signal, onOutput, onDisplay, interruptGraceMs, stdin, onReplaced },
      afterInterrupt: () => {
        ending = end();
      },
      onStarted: (control) => {
        request.onStarted?.({
          write: control.write,
          closeInput: control.closeInput,
          send: (signal) => {
            if (!isOver) onSend(signal, control);
          },
        });
      },
    });
    // It must have stopped killing before the next run starts anything.
    await ending;
    if (told.ended === "interrupted") await end();
    return told;
  } finally {
    isOver = true;
  }
}
