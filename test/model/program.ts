// What the walk runs in the background, and what each of it writes and how it may end: the model of an execution's program.

import type { RunSignal } from "../../src/sandbox/port.ts";
import type { Programs } from "./ground.ts";
import type { Random } from "./random.ts";

export type Program = {
  readonly name: string;
  readonly kind: "code" | "command";
  readonly source: string;
  readonly stdin: "empty" | "open";
  /** What it has written once it is on. */
  readonly start: string;
  /** It ends by itself at once; else when its input is closed, if it has one. */
  readonly isShort: boolean;
  /** Of the signals, those that end it. */
  readonly endedBy: readonly RunSignal[];
};

const all: readonly RunSignal[] = ["interrupt", "terminate", "kill"];

export function anyProgram(programs: Programs, random: Random): Program {
  const lines = random.pick([1, 30, 2000]);
  const numbered = Array.from({ length: lines }, (_, line) => `${line + 1}\n`).join("");
  return random.weighted<Program>([
    [4, { ...{ name: "echo", kind: "command", source: programs.echo, stdin: "open", start: "on\n" }, ...lasting }],
    [3, { ...{ name: "echo", kind: "code", source: programs.echoCode, stdin: "open", start: "on\n" }, ...lasting }],
    [1, { ...{ name: "forever", kind: "code", source: programs.forever, stdin: "empty", start: "" }, ...lasting }],
    [1, { ...{ name: "stubborn", kind: "command", source: programs.stubborn }, ...deaf }],
    [3, { ...{ name: `${lines} lines`, kind: "command", source: programs.lines(lines), start: numbered }, ...short }],
  ]);
}

const lasting = { isShort: false, endedBy: all } as const;
const deaf = { stdin: "empty", start: "on\n", isShort: false, endedBy: ["kill"] } as const;
const short = { stdin: "empty", isShort: true, endedBy: all } as const;
