// The guest's side of the runner, as files for an adapter to place in a sandbox. They are embedded in the executable.

import type { Language } from "../templates.ts";
import { nodeProgram } from "./node/program.ts";
import { pythonProgram } from "./python/program.ts";

export type RunnerProgram = {
  /** A name whose ending the interpreter relies on (`.cjs`). */
  readonly fileName: string;
  readonly source: string;
};

export const runnerPrograms: Readonly<Record<Language, RunnerProgram>> = {
  python: {
    fileName: "python.py",
    get source() {
      return pythonProgram();
    },
  },
  node: {
    fileName: "node.cjs",
    get source() {
      return nodeProgram();
    },
  },
};

/**
 * The command line of a runner, whose stdin is control-in and whose descriptor 3 is control-out.
 * Node cannot duplicate descriptors, so a shell does it before: 4 control-in, 5 and 6 stdout and stderr.
 */
export function runnerArgv(language: Language, interpreter: string, program: string): readonly string[] {
  if (language === "python") return [interpreter, program];
  // Code that is interrupted within a callback leaves async_hooks' stack unbalanced; the runner mends it, the check would abort.
  const node = [interpreter, "--no-force-async-hooks-checks", program];
  return ["/bin/sh", "-c", 'exec "$@" 4<&0 5>&1 6>&2 </dev/null', "sh", ...node];
}
