// The Python runner's modules, embedded in the executable, in the order in which they are joined: each after those whose names it needs
// at once.

import { joinPython } from "../join.ts";
import control from "./control.py" with { type: "text" };
import coroutines from "./coroutines.py" with { type: "text" };
import descriptors from "./descriptors.py" with { type: "text" };
import errors from "./errors.py" with { type: "text" };
import interrupts from "./interrupts.py" with { type: "text" };
import mailbox from "./mailbox.py" with { type: "text" };
import main from "./main.py" with { type: "text" };
import protocol from "./protocol.py" with { type: "text" };
import references from "./references.py" with { type: "text" };
import runner from "./runner.py" with { type: "text" };
import sources from "./sources.py" with { type: "text" };
import stdin from "./stdin.py" with { type: "text" };
import streams from "./streams.py" with { type: "text" };
import values from "./values.py" with { type: "text" };

export function pythonProgram(): string {
  const ground = [references, descriptors, mailbox, protocol];
  const parts = [sources, stdin, streams, values, errors, coroutines, interrupts, control];
  return joinPython([...ground, ...parts, runner, main]);
}
