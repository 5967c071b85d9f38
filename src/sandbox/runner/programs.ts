// The guest's side of the runner, as files for an adapter to place in a sandbox. They are embedded in the executable.

import type { Language } from "../templates.ts";
import { bashProgram, shellArgv } from "./bash/program.ts";
import compilePython from "./compile.py" with { type: "text" };
import { type Encode, inJson, inWords } from "./messages.ts";
import { nodeProgram } from "./node/program.ts";
import { pythonProgram } from "./python/program.ts";

export type RunnerProgram = {
  /** A name whose ending the interpreter relies on (`.cjs`). */
  readonly fileName: string;
  readonly source: string;
  /** How an interpreter makes a file of the source that it starts sooner, where that is worth it. */
  readonly compiler: Compiler | null;
};

export type Compiler = {
  readonly fileName: string;
  /** A command line that has the source on stdin and the file's content on stdout. The file is for this version of the interpreter alone. */
  readonly argv: (interpreter: string) => readonly string[];
};

export const runnerPrograms: Readonly<Record<Language, RunnerProgram>> = {
  python: {
    fileName: "python.py",
    get source() {
      return pythonProgram();
    },
    compiler: {
      fileName: "python.pyc",
      // Heeding neither the environment, nor what is in the working directory, nor what users have installed.
      argv: (interpreter) => [interpreter, "-I", "-S", "-B", "-c", compilePython, "python.py"],
    },
  },
  node: {
    fileName: "node.cjs",
    get source() {
      return nodeProgram();
    },
    compiler: null,
  },
  bash: {
    fileName: "bash.sh",
    get source() {
      return bashProgram();
    },
    compiler: null,
  },
};

/** How each reads what the host says. */
export const runnerEncodings: Readonly<Record<Language, Encode>> = { python: inJson, node: inJson, bash: inWords };

/**
 * The command line of a runner, whose stdin is control-in and whose descriptor 3 is control-out.
 * Node cannot duplicate descriptors, so a shell does it before: 4 control-in, 5 and 6 stdout and stderr.
 */
export function runnerArgv(language: Language, interpreter: string, program: string): readonly string[] {
  if (language === "python") return [interpreter, program];
  if (language === "bash") return shellArgv(interpreter, program);
  // Code that is interrupted within a callback leaves async_hooks' stack unbalanced; the runner mends it, the check would abort.
  const node = [interpreter, "--no-force-async-hooks-checks", program];
  return ["/bin/sh", "-c", 'exec "$@" 4<&0 5>&1 6>&2 </dev/null', "sh", ...node];
}
