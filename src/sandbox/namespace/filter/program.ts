// A small assembler of classic BPF, the kernel's language for filters of system calls (seccomp(2)): instructions with labels in,
// bytes out. Jumps go forward only, and no further than the language can say.

/** Where a jump goes: a label, or null for the next instruction. */
export type Target = string | null;

export type Instruction =
  | { readonly op: "load"; readonly offset: number }
  | {
      readonly op: "jump if";
      readonly test: "=" | ">=" | "any bit of";
      readonly value: number;
      readonly yes: Target;
      readonly no: Target;
    }
  | { readonly op: "return"; readonly value: number }
  | { readonly op: "label"; readonly name: string };

/** BPF_LD|BPF_W|BPF_ABS, BPF_RET|BPF_K, and BPF_JMP|BPF_K with JEQ, JGE, JSET: linux/bpf_common.h. */
const loadCode = 0x20;
const returnCode = 0x06;
const jumpCodes = { "=": 0x15, ">=": 0x35, "any bit of": 0x45 } as const;

/** sizeof(struct sock_filter): u16 code, u8 jt, u8 jf, u32 k. */
export const instructionBytes = 8;
/** BPF_MAXINSNS. */
const instructionLimit = 4096;

/** Throws a plain Error for a label that is not there or out of reach. */
export function assembleFilter(program: readonly Instruction[]): Uint8Array {
  const labels = new Map<string, number>();
  const instructions: Exclude<Instruction, { readonly op: "label" }>[] = [];
  for (const instruction of program) {
    if (instruction.op === "label") labels.set(instruction.name, instructions.length);
    else instructions.push(instruction);
  }
  if (instructions.length > instructionLimit) throw new Error(`a filter of ${instructions.length} instructions`);
  const bytes = new DataView(new ArrayBuffer(instructions.length * instructionBytes));
  for (const [index, instruction] of instructions.entries()) {
    const distance = (target: Target): number => {
      if (target === null) return 0;
      const steps = (labels.get(target) ?? -1) - index - 1;
      if (steps < 0 || steps > 0xff) throw new Error(`the jump to ${target} is ${steps} instructions long`);
      return steps;
    };
    const at = index * instructionBytes;
    bytes.setUint16(at, codeOf(instruction), true);
    if (instruction.op === "jump if") {
      bytes.setUint8(at + 2, distance(instruction.yes));
      bytes.setUint8(at + 3, distance(instruction.no));
    }
    bytes.setUint32(at + 4, instruction.op === "load" ? instruction.offset : instruction.value, true);
  }
  return new Uint8Array(bytes.buffer);
}

function codeOf(instruction: Exclude<Instruction, { readonly op: "label" }>): number {
  if (instruction.op === "load") return loadCode;
  return instruction.op === "return" ? returnCode : jumpCodes[instruction.test];
}
