// The guest's side of a sandbox's files, as programs for an adapter to place in a sandbox. They are embedded in the executable.

import type { CommonLanguage } from "../templates.ts";
import { nodeFileAgent } from "./node/program.ts";
import { pythonFileAgent } from "./python/program.ts";

export type FileAgentProgram = {
  /** A name whose ending the interpreter relies on (`.cjs`). */
  readonly fileName: string;
  readonly source: string;
};

export const fileAgentPrograms: Readonly<Record<CommonLanguage, FileAgentProgram>> = {
  python: {
    fileName: "files.py",
    get source() {
      return pythonFileAgent();
    },
  },
  node: {
    fileName: "files.cjs",
    get source() {
      return nodeFileAgent();
    },
  },
};

/**
 * The command line of one, with the requests as its stdin and the answers as its stdout. It wants HOME in its environment, and heeds neither what
 * users have installed nor what is in the working directory.
 */
export function fileAgentArgv(language: CommonLanguage, interpreter: string, program: string): readonly string[] {
  return language === "python" ? [interpreter, "-I", "-S", "-B", program] : [interpreter, program];
}
