// The part of docs/security.md that tells which system calls a namespace sandbox is refused: the filter's one table.

import { type Refusal, refusals } from "../../src/sandbox/namespace/filter/table.ts";
import { markdownTable } from "./markdown.ts";

export function refusedCallsTable(): string {
  const rows = [...Map.groupBy(refusals, ({ what }) => what)].map(([what, group]) => [
    what,
    group.flatMap(({ calls }) => calls.map(({ name }) => `\`${name}\``)).join(", "),
    [...new Set(group.flatMap(answersOf))].map((name) => `\`${name}\``).join(", "),
  ]);
  return markdownTable(["what is refused", "calls", "answer"], rows);
}

function answersOf(refusal: Refusal): readonly string[] {
  return "answer" in refusal ? [refusal.answer] : refusal.checks.map(({ answer }) => answer);
}
