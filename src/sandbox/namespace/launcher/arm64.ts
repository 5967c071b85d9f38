// The instructions of a launcher for arm64. Numbers of system calls: include/uapi/asm-generic/unistd.h.

import { birth, childSignal, type Encoder, intoGroup, littleEndian, type Operand, tooMany } from "./encoder.ts";

/** x19: the program's arguments; x20: its environment; x8: the number of a call. */
const [programRegister, environmentRegister, numberRegister, stackPointer, zero] = [19, 20, 8, 31, 31];

const supervisorCall = 0xd4000001;
const numbers = { write: 64, exit_group: 94, kill: 129, getpid: 172, clone: 220, wait4: 260 } as const;

/** Of a string of the command line, or of a slot, relative to sp. */
const argumentOffset = (position: number) => 8 + 8 * position;
const slotOffset = (slot: number) => -8 - 8 * slot;

export const arm64: Encoder = {
  machine: 183,
  split: (first) =>
    bytes([
      0x91000000 | (argumentOffset(first) << 10) | (stackPointer << 5) | environmentRegister, // add x20, sp, …
      move(programRegister, environmentRegister),
      0xf8400400 | (8 << 12) | (programRegister << 5), // next: ldr x0, [x19], 8
      0x39400001, // ldrb w1, [x0]
      0x35000000 | (nineteenBits(-2) << 5) | 1, // cbnz w1, next
      near(0xf8000000, programRegister, -8, zero), // stur xzr, [x19, -8]
    ]),
  load: (position, operand) => bytes(load(position, operand)),
  call: (number) => bytes(call(number)),
  save: (slot) => bytes([near(0xf8000000, stackPointer, slotOffset(slot), 0)]), // stur x0, [sp, …]
  endOnFailure: ({ address, length }, status) => {
    const end = [
      ...[...constant(0, 2), ...constant(1, address), ...constant(2, length), ...call(numbers.write)],
      ...[...constant(0, status), ...call(numbers.exit_group)],
    ];
    return bytes([0xb6f80000 | ((end.length + 1) << 5), ...end]); // tbz x0, 63, after the end
  },
  fork: ({ folder, members, self }, failure, notJoined) => {
    const killed = [
      ...[...call(numbers.getpid), ...call(numbers.kill)], // the signal is in x1
      ...constant(0, 1),
    ];
    const old = [
      0xd1000000 | (8 << 10) | (stackPointer << 5) | 1, // sub x1, sp, 8; the process is in x0
      ...[...constant(2, 0), ...constant(3, 0), ...call(numbers.wait4)],
      near(0xb8400000, stackPointer, -8, 0), // ldur w0, [sp, -8]
      0x12001801, // and w1, w0, 127
      0x34000000 | ((killed.length + 2) << 5) | 1, // cbz w1, exited
      ...killed,
      0x14000002, // b over it
      0x53087c00, // exited: lsr w0, w0, 8
      ...call(numbers.exit_group),
    ];
    /** str x1, [x0, …] */
    const field = (at: number) => 0xf9000000 | ((at / 8) << 10) | 1;
    const born = [
      0xd1000000 | (birth.below << 10) | (stackPointer << 5), // sub x0, sp, …
      ...constant(1, 0),
      ...Array.from({ length: birth.size / 8 }, (_, index) => field(8 * index)),
      ...[...constant(1, intoGroup), 0xb9000000 | (1 << 10) | 1], // str w1, [x0, 4]
      ...[...constant(1, childSignal), field(birth.exitSignal)],
      ...[...load(1, { slot: folder }), field(birth.group)],
      ...[...constant(1, birth.size), ...call(birth.call)],
    ];
    const join = bytes([
      ...[...load(0, { slot: members }), ...constant(1, self.address), ...constant(2, self.length)],
      ...call(numbers.write),
    ]);
    const joined = [...join, ...notJoined, ...bytes(constant(0, 0))];
    const forked = [
      ...bytes([...constant(0, childSignal), ...[1, 2, 3, 4].flatMap((register) => constant(register, 0))]),
      ...bytes(call(numbers.clone)),
      ...bytes([0xb5000000 | ((joined.length / 4 + 1) << 5)]), // cbnz x0, after it
      ...joined,
    ];
    const unlessTooMany = [
      // cmn w0, …; b.eq after it
      ...bytes([0x31000000 | (-tooMany << 10) | 31, 0x54000000 | ((forked.length / 4 + 1) << 5)]),
      ...forked,
    ];
    return [
      ...bytes(born),
      ...bytes([0xb6f80000 | ((unlessTooMany.length / 4 + 1) << 5)]), // tbz x0, 63, after it
      ...unlessTooMany,
      ...failure,
      ...bytes([0xb4000000 | ((old.length + 1) << 5), ...old]), // cbz x0, after the old one's way
    ];
  },
};

function load(register: number, operand: Operand): readonly number[] {
  if ("constant" in operand) return constant(register, operand.constant);
  if ("program" in operand) {
    if (operand.program === "environment") return [move(register, environmentRegister)];
    if (operand.program === "arguments") return [move(register, programRegister)];
    return [0xf9400000 | (programRegister << 5) | register]; // ldr …, [x19]
  }
  if ("slot" in operand) return [near(0xf8400000, stackPointer, slotOffset(operand.slot), register)]; // ldur …, [sp, …]
  return [0xf9400000 | ((argumentOffset(operand.argument) / 8) << 10) | (stackPointer << 5) | register]; // ldr …, [sp, …]
}

/** The low 32 bits, by movz and movk; the high ones become 0. */
function constant(register: number, value: number): readonly number[] {
  return [0xd2800000 | ((value & 0xffff) << 5) | register, 0xf2a00000 | (((value >>> 16) & 0xffff) << 5) | register];
}

/** mov to, from */
function move(to: number, from: number): number {
  return 0xaa0003e0 | (from << 16) | to;
}

/** A load or a store at a distance from a register, -256 to 255 bytes. */
function near(operation: number, base: number, offset: number, register: number): number {
  return operation | ((offset & 0x1ff) << 12) | (base << 5) | register;
}

function nineteenBits(value: number): number {
  return value & 0x7ffff;
}

function call(number: number): readonly number[] {
  return [...constant(numberRegister, number), supervisorCall];
}

function bytes(instructions: readonly number[]): readonly number[] {
  return instructions.flatMap((instruction) => littleEndian(instruction, 4));
}
