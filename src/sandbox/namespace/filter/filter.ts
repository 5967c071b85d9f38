// The filter of system calls as bytes: the table (table.ts), for one architecture, as a search by halves over ranges of numbers.
// The kernel remembers which calls are allowed whatever their arguments are, and asks the filter only about the others.

import { type Architecture, callNumbers, newestCall } from "./architectures.ts";
import { assembleFilter, type Instruction } from "./program.ts";
import { type Check, type ErrorName, errorNumbers, refusals } from "./table.ts";

/** Offsets in struct seccomp_data: int nr, u32 arch, u64 instruction_pointer, u64 args[6]. Both architectures are little endian. */
const numberOffset = 0;
const architectureOffset = 4;
const argumentOffset = (index: number) => 16 + 8 * index;

/** SECCOMP_RET_ALLOW and SECCOMP_RET_ERRNO. */
const allowValue = 0x7fff0000;
const errorValue = 0x00050000;

const allow = "allow";

/** Numbers from `from` up to the next range's have this label. */
type Range = { readonly from: number; readonly label: string };

export function filterBytes(architecture: Architecture): Uint8Array {
  const { audit } = callNumbers[architecture];
  const program: Instruction[] = [
    { op: "load", offset: architectureOffset },
    { op: "jump if", test: "=", value: audit, yes: null, no: "ENOSYS" },
    { op: "load", offset: numberOffset },
    ...search(rangesOf(architecture)),
    ...checkBlocks(architecture),
    ...Object.entries(errorNumbers).flatMap(([name, number]): Instruction[] => [
      { op: "label", name },
      { op: "return", value: errorValue | number },
    ]),
    { op: "label", name: allow },
    { op: "return", value: allowValue },
  ];
  return assembleFilter(program);
}

function rangesOf(architecture: Architecture): readonly Range[] {
  const labels = new Map<number, string>();
  for (const refusal of refusals) {
    for (const call of refusal.calls) {
      const number = call[architecture];
      if (number !== null) labels.set(number, "answer" in refusal ? refusal.answer : call.name);
    }
  }
  const unknown: ErrorName = "ENOSYS";
  for (const [first, last] of callNumbers[architecture].unused) {
    for (let number = first; number <= last; number++) labels.set(number, unknown);
  }
  const ranges: Range[] = [];
  for (let number = 0; number <= newestCall + 1; number++) {
    const label = number > newestCall ? unknown : (labels.get(number) ?? allow);
    if (ranges.at(-1)?.label !== label) ranges.push({ from: number, label });
  }
  return ranges;
}

/** Leads to the label of the range that has the loaded number. */
function search(ranges: readonly Range[], name = "search"): readonly Instruction[] {
  const here: Instruction = { op: "label", name };
  const middle = Math.ceil(ranges.length / 2);
  const [low, high] = [ranges.slice(0, middle), ranges.slice(middle)];
  const pivot = high[0];
  if (pivot === undefined) throw new Error("a search among less than two ranges");
  const [yes, no] = [leaf(high) ?? `${name}>`, leaf(low) ?? `${name}<`];
  return [
    here,
    { op: "jump if", test: ">=", value: pivot.from, yes, no },
    ...(low.length > 1 ? search(low, `${name}<`) : []),
    ...(high.length > 1 ? search(high, `${name}>`) : []),
  ];
}

function leaf(ranges: readonly Range[]): string | null {
  return ranges.length === 1 ? (ranges[0]?.label ?? null) : null;
}

function checkBlocks(architecture: Architecture): readonly Instruction[] {
  return refusals.flatMap((refusal) =>
    "answer" in refusal
      ? []
      : refusal.calls
          .filter((call) => call[architecture] !== null)
          .flatMap(({ name }) => [{ op: "label", name } as const, ...blockOf(name, refusal.checks)]),
  );
}

function blockOf(name: string, checks: readonly Check[]): readonly Instruction[] {
  return checks.flatMap((check, index): Instruction[] => {
    const next = index === checks.length - 1 ? allow : `${name} ${index + 1}`;
    const { where, argument, values, answer, rule } = check;
    const condition: Instruction[] =
      where === undefined
        ? []
        : [
            { op: "load", offset: argumentOffset(where.argument) },
            { op: "jump if", test: "=", value: where.value, yes: null, no: next },
          ];
    const [hit, miss] = rule === "one of" ? [next, answer] : [answer, next];
    const test = rule === "no bit of" ? "any bit of" : "=";
    return [
      { op: "label", name: `${name} ${index}` },
      ...condition,
      { op: "load", offset: argumentOffset(argument) },
      ...values.map(
        (value, at): Instruction => ({
          op: "jump if",
          test,
          value,
          yes: hit,
          no: at === values.length - 1 ? miss : null,
        }),
      ),
    ];
  });
}
