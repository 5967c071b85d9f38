// The Node relay's modules, embedded in the executable, in the order in which they are joined.

import { joinCommonJs } from "../../../../runner/join.ts";
import answers from "./answers.cjs" with { type: "text" };
import main from "./main.cjs" with { type: "text" };
import operations from "./operations.cjs" with { type: "text" };
import pipes from "./pipes.cjs" with { type: "text" };
import programs from "./programs.cjs" with { type: "text" };
import state from "./state.cjs" with { type: "text" };
import sweep from "./sweep.cjs" with { type: "text" };
import system from "./system.cjs" with { type: "text" };

export function nodeRelay(): string {
  return joinCommonJs([system, sweep, state, pipes, answers, programs, operations, main]);
}
