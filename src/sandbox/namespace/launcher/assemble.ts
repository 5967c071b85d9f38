// Makes a launcher: a static executable that is nothing but a straight line of system calls, of which the last becomes the program.
// It loads no library and reads no environment, so that nobody but its maker can change what it does.

import { type Encoder, littleEndian, type Operand } from "./encoder.ts";

/** Bytes that the executable carries; a pointer to other bytes may be laid into them. */
export type Data = {
  readonly bytes: Uint8Array;
  readonly pointer?: { readonly at: number; readonly to: Uint8Array };
};

export type Step =
  | {
      readonly call: number;
      readonly with: readonly (Operand | { readonly data: Data } | number)[];
      /** Where the answer is kept for later steps. */
      readonly saveAs?: number;
      /** What the launcher says before it ends if the call fails; null: it goes on. */
      readonly failure: string | null;
    }
  /** From here on in a new process, for which the old one waits. It is in the control group whose folder and members' file are open in slots. */
  | { readonly fork: { readonly folder: number; readonly members: number }; readonly failure: string };

export const notJoined = "the sandbox's control group cannot be joined";

/** The launcher's exit status when a step fails. */
export const failureStatus = 125;

const baseAddress = 0x400000;
const headerBytes = 64;
const segmentBytes = 56;
const pageBytes = 4096;

/** The command line of the result: itself, strings for the steps up to `firstVariable`, environment, "", program, arguments. */
export function assembleLauncher(encoder: Encoder, steps: readonly Step[], firstVariable: number): Uint8Array {
  const data: number[] = [];
  const place = (bytes: ArrayLike<number>): number => {
    while (data.length % 8 !== 0) data.push(0);
    const address = baseAddress + headerBytes + 2 * segmentBytes + data.length;
    data.push(...Array.from(bytes));
    return address;
  };
  const addressOf = ({ bytes, pointer }: Data): number => {
    if (pointer === undefined) return place(bytes);
    const whole = Uint8Array.from(bytes);
    whole.set(littleEndian(place(pointer.to), 4), pointer.at);
    return place(whole);
  };
  const operandOf = (value: Operand | { readonly data: Data } | number): Operand => {
    if (typeof value === "number") return { constant: value };
    return "data" in value ? { constant: addressOf(value.data) } : value;
  };
  const failing = (words: string): readonly number[] => {
    const text = new TextEncoder().encode(`msb-mcp: ${words}\n`);
    return encoder.endOnFailure({ address: place(text), length: text.length }, failureStatus);
  };
  const code = [
    ...encoder.split(firstVariable),
    ...steps.flatMap((step) => {
      if ("fork" in step) {
        const self = { address: place(new TextEncoder().encode("0")), length: 1 };
        return encoder.fork({ ...step.fork, self }, failing(step.failure), failing(notJoined));
      }
      return [
        ...step.with.flatMap((value, position) => encoder.load(position, operandOf(value))),
        ...encoder.call(step.call),
        ...(step.failure === null ? [] : failing(step.failure)),
        ...(step.saveAs === undefined ? [] : encoder.save(step.saveAs)),
      ];
    }),
  ];
  place([]);
  return executable(encoder.machine, data, code);
}

/** elf(5): one segment to read and execute, and the word that the stack is not to be executed. */
function executable(machine: number, data: readonly number[], code: readonly number[]): Uint8Array {
  const start = headerBytes + 2 * segmentBytes + data.length;
  const size = start + code.length;
  const long = (value: number) => [...littleEndian(value, 4), 0, 0, 0, 0];
  const short = (value: number) => littleEndian(value, 2);
  const [load, stack, readAndExecute, readAndWrite] = [1, 0x6474e551, 5, 6];
  return Uint8Array.from([
    ...[0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[...short(2), ...short(machine), ...littleEndian(1, 4)],
    ...[...long(baseAddress + start), ...long(headerBytes), ...long(0), ...littleEndian(0, 4)],
    ...[...short(headerBytes), ...short(segmentBytes), ...short(2), ...short(0), ...short(0), ...short(0)],
    ...[...littleEndian(load, 4), ...littleEndian(readAndExecute, 4), ...long(0)],
    ...[...long(baseAddress), ...long(baseAddress), ...long(size), ...long(size), ...long(pageBytes)],
    ...[...littleEndian(stack, 4), ...littleEndian(readAndWrite, 4), ...long(0)],
    ...[...long(0), ...long(0), ...long(0), ...long(0), ...long(16)],
    ...data,
    ...code,
  ]);
}
