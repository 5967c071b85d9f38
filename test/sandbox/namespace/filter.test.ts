// The filter of system calls, asked as the kernel asks it, and its table held against the kernel's headers and the containers' profile.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Architecture, callNumbers, newestCall } from "../../../src/sandbox/namespace/filter/architectures.ts";
import { filterBytes } from "../../../src/sandbox/namespace/filter/filter.ts";
import { assembleFilter } from "../../../src/sandbox/namespace/filter/program.ts";
import { errorNumbers, type Refusal, refusals } from "../../../src/sandbox/namespace/filter/table.ts";
import { launcherCalls } from "../../../src/sandbox/namespace/launcher/steps.ts";

const architectures: readonly Architecture[] = ["x64", "arm64"];

/** SECCOMP_RET_ALLOW, or an error's number. */
type Verdict = "allowed" | number;

/** What the kernel makes of a filter: one pass over it, for one call. */
function ask(filter: Uint8Array, audit: number, call: number, args: readonly number[] = []): Verdict {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call, true);
  data.setUint32(4, audit, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, BigInt(value), true);
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let loaded = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const [code, value] = [program.getUint16(at, true), program.getUint32(at + 4, true)];
    if (code === 0x20) {
      loaded = data.getUint32(value, true);
      continue;
    }
    if (code === 0x06) return value === 0x7fff0000 ? "allowed" : value & 0xffff;
    const holds = { 21: loaded === value, 53: loaded >= value, 69: (loaded & value) !== 0 }[code];
    if (holds === undefined) throw new Error(`the filter has an instruction ${code}`);
    at += 8 * program.getUint8(at + (holds ? 2 : 3));
  }
  throw new Error("the filter has no end");
}

const listed = refusals.flatMap((refusal) => refusal.calls.map((call) => ({ call, refusal })));

describe.each(architectures)("the filter for %s", (architecture) => {
  const filter = filterBytes(architecture);
  const { audit, unused } = callNumbers[architecture];
  const verdict = (call: number, ...args: readonly number[]) => ask(filter, audit, call, args);
  const numberOf = (name: string) => listed.find(({ call }) => call.name === name)?.call[architecture] ?? -1;

  test("answers each refused call as the table tells, and allows every other one", () => {
    const expected = new Map<number, Verdict>();
    for (const { call, refusal } of listed) {
      const number = call[architecture];
      if (number !== null && "answer" in refusal) expected.set(number, errorNumbers[refusal.answer]);
    }
    const conditional = new Set(
      listed.filter(({ refusal }) => "checks" in refusal).map(({ call }) => call[architecture]),
    );
    for (let number = 0; number <= newestCall; number++) {
      if (conditional.has(number)) continue;
      const isUnused = unused.some(([first, last]) => number >= first && number <= last);
      const otherwise = isUnused ? errorNumbers.ENOSYS : "allowed";
      expect({ number, verdict: verdict(number) }).toEqual({ number, verdict: expected.get(number) ?? otherwise });
    }
  });

  test("answers calls that it does not know as a kernel without them does, x32's among them", () => {
    for (const number of [newestCall + 1, 500, 547, 0x40000000, 0x40000000 + 39, 0x7fffffff, -1]) {
      expect(verdict(number)).toBe(errorNumbers.ENOSYS);
    }
  });

  test("answers every call of another ABI that way", () => {
    const others = [0x40000003, 0x40000028, ...architectures.map((name) => callNumbers[name].audit)];
    for (const other of others.filter((value) => value !== audit)) {
      for (const number of [0, 1, 20, 39, 172]) expect(ask(filter, other, number)).toBe(errorNumbers.ENOSYS);
    }
  });

  test("tells threads and processes from new namespaces", () => {
    const thread = 0x3d0f00;
    const process_ = 0x01200011;
    for (const flags of [thread, process_, 0x4111, 0]) expect(verdict(numberOf("clone"), flags)).toBe("allowed");
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect(verdict(numberOf("clone"), 2 ** bit)).toBe(errorNumbers.EPERM);
      expect(verdict(numberOf("clone"), thread + 2 ** bit)).toBe(errorNumbers.EPERM);
      expect(verdict(numberOf("unshare"), 2 ** bit)).toBe(errorNumbers.EPERM);
    }
    expect(verdict(numberOf("unshare"), 0x80)).toBe(errorNumbers.EPERM);
    for (const flags of [0x200, 0x400, 0x40000]) expect(verdict(numberOf("unshare"), flags)).toBe("allowed");
  });

  test("knows the harmless kinds of sockets, controls and personalities", () => {
    const stream = 1;
    for (const family of [1, 2, 10]) expect(verdict(numberOf("socket"), family, stream, 6)).toBe("allowed");
    expect(verdict(numberOf("socket"), 16, 3, 0)).toBe("allowed");
    expect(verdict(numberOf("socket"), 16, 3, 12)).toBe(errorNumbers.EPROTONOSUPPORT);
    for (const family of [0, 3, 9, 17, 38, 40, 44, 46]) {
      expect(verdict(numberOf("socket"), family, stream, 0)).toBe(errorNumbers.EAFNOSUPPORT);
    }
    expect(verdict(numberOf("socketpair"), 1, stream, 0)).toBe("allowed");
    expect(verdict(numberOf("socketpair"), 30, stream, 0)).toBe(errorNumbers.EAFNOSUPPORT);
    for (const command of [0x5401, 0x5413, 0x541b]) expect(verdict(numberOf("ioctl"), 0, command)).toBe("allowed");
    for (const command of [0x5412, 0x541c, 0x100005412]) {
      expect(verdict(numberOf("ioctl"), 0, command)).toBe(errorNumbers.EPERM);
    }
    for (const persona of [0, 8, 0x40000, 0xffffffff])
      expect(verdict(numberOf("personality"), persona)).toBe("allowed");
    for (const persona of [0x400000, 0x100000, 0x440000, 1]) {
      expect(verdict(numberOf("personality"), persona)).toBe(errorNumbers.EPERM);
    }
  });
});

test("a jump that the kernel's language cannot say is an error, not another jump", () => {
  const far = Array.from({ length: 300 }, () => ({ op: "load", offset: 0 }) as const);
  const jump = { op: "jump if", test: "=", value: 1, yes: "end", no: null } as const;
  const end = [{ op: "label", name: "end" } as const, { op: "return", value: 0 } as const];
  expect(() => assembleFilter([jump, ...far, ...end])).toThrow("the jump to end is 300 instructions long");
  expect(() => assembleFilter([jump])).toThrow("the jump to end");
});

const headers: Readonly<Record<Architecture, readonly string[]>> = {
  x64: ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
  arm64: ["/usr/include/asm-generic/unistd.h"],
};

const headerOf = (architecture: Architecture) => headers[architecture].find((file) => existsSync(file));

for (const architecture of architectures) {
  const file = headerOf(architecture);
  test.skipIf(file === undefined)(
    `the numbers for ${architecture} are those of the kernel's headers on this machine`,
    () => {
      const text = readFileSync(file ?? "", "utf8");
      const known = new Map(
        [...text.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm)].map(([, name = "", number]) => [
          name,
          Number(number),
        ]),
      );
      expect(known.size).toBeGreaterThan(250);
      const newest = Math.max(...known.values());
      for (const { call } of listed) {
        const number = call[architecture];
        if (number !== null && number > newest) continue;
        expect({ name: call.name, number: known.get(call.name) ?? null }).toEqual({ name: call.name, number });
      }
      for (const [name, number] of Object.entries(launcherCalls[architecture])) {
        expect({ name, number: known.get(name) }).toEqual({ name, number });
      }
    },
  );
}

describe("beside the default profile of containers", () => {
  type Rule = {
    readonly names: readonly string[];
    readonly action: string;
    readonly comment?: string;
    readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  };
  const profile: { readonly syscalls: readonly Rule[] } = JSON.parse(
    readFileSync(join(import.meta.dir, "../../../deploy/docker/seccomp.json"), "utf8"),
  );
  const allowed = new Set(
    profile.syscalls
      .filter(({ action, comment, includes }) => {
        const isOurs = comment?.startsWith("msb-mcp:") ?? false;
        const isForUs = (includes?.arches ?? ["amd64"]).some((name) => name === "amd64" || name === "arm64");
        return action === "SCMP_ACT_ALLOW" && !isOurs && isForUs && includes?.caps === undefined;
      })
      .flatMap(({ names }) => names),
  );
  const always = (refusal: Refusal) => "answer" in refusal;

  test("what this filter refuses beyond it is modify_ldt, which serves programs of foreign ABIs", () => {
    const beyond = listed.filter(({ call, refusal }) => always(refusal) && allowed.has(call.name));
    expect(beyond.map(({ call }) => call.name)).toEqual(["modify_ldt"]);
  });

  const file = headerOf("x64");
  test.skipIf(file === undefined)("what it refuses of the kernel's headers is refused here", () => {
    const names = [...readFileSync(file ?? "", "utf8").matchAll(/^#define __NR_(\w+)\s+\d+$/gm)].map(
      ([, name = ""]) => name,
    );
    const here = new Set(listed.map(({ call }) => call.name));
    expect(names.filter((name) => !allowed.has(name) && !here.has(name))).toEqual([]);
  });
});
