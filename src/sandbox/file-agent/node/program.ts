// The modules of the Node program that works on a guest's files, embedded in the executable, each after those whose names it needs at once.

import { joinCommonJs } from "../../runner/join.ts";
import answers from "./answers.cjs" with { type: "text" };
import changing from "./changing.cjs" with { type: "text" };
import descriptors from "./descriptors.cjs" with { type: "text" };
import hidden from "./hidden.cjs" with { type: "text" };
import main from "./main.cjs" with { type: "text" };
import making from "./making.cjs" with { type: "text" };
import paths from "./paths.cjs" with { type: "text" };
import reading from "./reading.cjs" with { type: "text" };
import requests from "./requests.cjs" with { type: "text" };
import writing from "./writing.cjs" with { type: "text" };

export function nodeFileAgent(): string {
  return joinCommonJs([paths, descriptors, reading, hidden, making, writing, changing, answers, requests, main]);
}
