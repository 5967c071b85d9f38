// The modules of the Python program that works on a guest's files, embedded in the executable, each after those whose names it needs at once.

import { joinPython } from "../../runner/join.ts";
import changing from "./changing.py" with { type: "text" };
import hidden from "./hidden.py" with { type: "text" };
import main from "./main.py" with { type: "text" };
import making from "./making.py" with { type: "text" };
import paths from "./paths.py" with { type: "text" };
import reading from "./reading.py" with { type: "text" };
import writing from "./writing.py" with { type: "text" };

export function pythonFileAgent(): string {
  return joinPython([paths, reading, hidden, making, writing, changing, main]);
}
