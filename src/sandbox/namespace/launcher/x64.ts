// The instructions of a launcher for x86-64. Numbers of system calls: syscalls(2), arch/x86/entry/syscalls/syscall_64.tbl.

import { birth, childSignal, type Encoder, intoGroup, littleEndian, type Operand, tooMany } from "./encoder.ts";

/** rdi, rsi, rdx, r10, r8, r9: where the kernel looks for arguments. */
const argumentRegisters = [7, 6, 2, 10, 8, 9];
/** rbx: the program's arguments; r12: its environment. */
const [programRegister, environmentRegister] = [3, 12];

const syscall = [0x0f, 0x05];
const numbers = { write: 1, getpid: 39, clone: 56, wait4: 61, kill: 62, exit_group: 231 } as const;

/** Of a string of the command line, or of a slot, relative to rsp. */
const argumentOffset = (position: number) => 8 + 8 * position;
const slotOffset = (slot: number) => -8 - 8 * slot;

export const x64: Encoder = {
  machine: 62,
  split: (first) => [
    ...[0x4c, 0x8d, 0xa4, 0x24, ...littleEndian(argumentOffset(first), 4)], // lea r12, [rsp + …]
    ...[0x4c, 0x89, 0xe3], // mov rbx, r12
    ...[0x48, 0x8b, 0x03], // next: mov rax, [rbx]
    ...[0x48, 0x83, 0xc3, 0x08], // add rbx, 8
    ...[0x80, 0x38, 0x00], // cmp byte [rax], 0
    ...[0x75, 0xf4], // jne next
    ...[0x48, 0xc7, 0x43, 0xf8, 0, 0, 0, 0], // mov qword [rbx - 8], 0
  ],
  load: (position, operand) => load(argumentRegisters[position] ?? -1, operand),
  call,
  save: (slot) => [0x48, 0x89, 0x84, 0x24, ...littleEndian(slotOffset(slot), 4)], // mov [rsp - …], rax
  endOnFailure: ({ address, length }, status) => {
    const end = [
      ...[...constant(7, 2), ...constant(6, address), ...constant(2, length), ...call(numbers.write)],
      ...[...constant(7, status), ...call(numbers.exit_group)],
    ];
    return [0x48, 0x85, 0xc0, 0x79, end.length, ...end]; // test rax, rax; jns after the end
  },
  fork: ({ folder, members, self }, failure, notJoined) => {
    const killed = [
      ...call(numbers.getpid),
      ...[0x89, 0xc7], // mov edi, eax; the signal is in esi
      ...call(numbers.kill),
      ...constant(7, 1),
    ];
    const exited = [0xc1, 0xef, 0x08]; // shr edi, 8
    const old = [
      ...[0x89, 0xc7], // mov edi, eax
      ...[0x48, 0x8d, 0x74, 0x24, 0xf8], // lea rsi, [rsp - 8]
      ...[...constant(2, 0), ...constant(10, 0), ...call(numbers.wait4)],
      ...[0x8b, 0x7c, 0x24, 0xf8, 0x89, 0xfe, 0x83, 0xe6, 0x7f], // mov edi, [rsp - 8]; mov esi, edi; and esi, 127
      ...[0x74, killed.length + 2, ...killed], // jz exited
      ...[0xeb, exited.length, ...exited], // jmp over it
      ...call(numbers.exit_group),
    ];
    /** mov qword [rdi + …], … */
    const field = (at: number, value: number) => [0x48, 0xc7, 0x47, at, ...littleEndian(value, 4)];
    const born = [
      ...[0x48, 0x8d, 0xbc, 0x24, ...littleEndian(-birth.below, 4)], // lea rdi, [rsp - …]
      ...Array.from({ length: birth.size / 8 }, (_, index) => field(8 * index, 0)).flat(),
      ...[0xc7, 0x47, 0x04, ...littleEndian(intoGroup, 4)], // mov dword [rdi + 4], …
      ...field(birth.exitSignal, childSignal),
      ...load(0, { slot: folder }),
      ...[0x48, 0x89, 0x47, birth.group], // mov [rdi + …], rax
      ...[...constant(6, birth.size), ...call(birth.call)],
    ];
    const join = [
      ...[...load(7, { slot: members }), ...constant(6, self.address), ...constant(2, self.length)],
      ...[...call(numbers.write), ...notJoined, 0x31, 0xc0], // xor eax, eax
    ];
    const forked = [
      ...[...constant(7, childSignal), ...[6, 2, 10, 8].flatMap((register) => constant(register, 0))],
      ...call(numbers.clone),
      ...[0x48, 0x85, 0xc0, 0x0f, 0x85, ...littleEndian(join.length, 4), ...join], // test rax, rax; jnz after it
    ];
    const unlessTooMany = [
      ...[0x83, 0xf8, tooMany & 0xff, 0x0f, 0x84, ...littleEndian(forked.length, 4)], // cmp eax, …; je after it
      ...forked,
    ];
    return [
      ...born,
      ...[0x48, 0x85, 0xc0, 0x0f, 0x89, ...littleEndian(unlessTooMany.length, 4), ...unlessTooMany], // test rax, rax; jns after it
      ...failure,
      ...[0x85, 0xc0, 0x74, old.length, ...old], // test eax, eax; jz after the old one's way
    ];
  },
};

function load(register: number, operand: Operand): readonly number[] {
  if ("constant" in operand) return constant(register, operand.constant);
  if ("program" in operand) {
    if (operand.program === "environment") return move(register, environmentRegister);
    if (operand.program === "arguments") return move(register, programRegister);
    return [0x48 | high(register, 4), 0x8b, ((register & 7) << 3) | programRegister]; // mov …, [rbx]
  }
  const offset = "slot" in operand ? slotOffset(operand.slot) : argumentOffset(operand.argument);
  return [0x48 | high(register, 4), 0x8b, 0x84 | ((register & 7) << 3), 0x24, ...littleEndian(offset, 4)]; // mov …, [rsp + …]
}

/** The low 32 bits; the high ones become 0. */
function constant(register: number, value: number): readonly number[] {
  return [...(register > 7 ? [0x41] : []), 0xb8 | (register & 7), ...littleEndian(value, 4)];
}

function move(to: number, from: number): readonly number[] {
  return [0x48 | high(from, 4) | high(to, 1), 0x89, 0xc0 | ((from & 7) << 3) | (to & 7)];
}

/** The bit of a REX prefix that makes a register one of r8 to r15. */
function high(register: number, bit: number): number {
  return register > 7 ? bit : 0;
}

function call(number: number): readonly number[] {
  return [...constant(0, number), ...syscall];
}
