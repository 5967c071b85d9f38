// The Python relay's modules, embedded in the executable, in the order in which they are joined.

import { joinPython } from "../../../../runner/join.ts";
import answers from "./answers.py" with { type: "text" };
import main from "./main.py" with { type: "text" };
import operations from "./operations.py" with { type: "text" };
import programs from "./programs.py" with { type: "text" };
import reading from "./reading.py" with { type: "text" };
import state from "./state.py" with { type: "text" };
import sweep from "./sweep.py" with { type: "text" };

export function pythonRelay(): string {
  return joinPython([state, sweep, answers, programs, reading, operations, main]);
}
