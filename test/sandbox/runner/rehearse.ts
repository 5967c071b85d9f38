// Registers tests that are lists of programs with what each is to print and how it is to end, run one after the other in one session.

import { expect, test } from "bun:test";
import type { Prompt } from "./spawn.ts";

export type Line = {
  readonly source: string;
  readonly stdout?: string;
  /** All of stderr, which is otherwise empty. */
  readonly stderr?: string | RegExp;
  /** True unless said otherwise. */
  readonly success?: boolean;
  readonly exitCode?: number;
  readonly result?: string | null;
};

export function rehearse(prompt: () => Prompt, promises: Readonly<Record<string, readonly Line[]>>): void {
  for (const [promise, lines] of Object.entries(promises)) {
    test(promise, async () => {
      for (const { source, stdout, stderr = "", success = true, exitCode = null, result } of lines) {
        const ran = await prompt().run(source);
        const told = { source, ended: ran.ended, success: ran.success, exitCode: ran.exitCode };
        expect({ ...told, stderr: ran.stderr }).toEqual({
          source,
          ended: "exited",
          success,
          exitCode,
          stderr: typeof stderr === "string" ? stderr : expect.stringMatching(stderr),
        });
        if (stdout !== undefined) expect({ source, stdout: ran.stdout }).toEqual({ source, stdout });
        if (result !== undefined) expect({ source, result: ran.result }).toEqual({ source, result });
      }
    });
  }
}
