// Every system call that the table refuses is tried from inside of a sandbox, by code and by a command.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { arch } from "node:os";
import { type Architecture, newestCall } from "../../../src/sandbox/namespace/filter/architectures.ts";
import { type Check, errorNumbers, refusals } from "../../../src/sandbox/namespace/filter/table.ts";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { runIn } from "../../contract/port-contract.ts";
import { bootOne, command, namespaceHost, nodeTemplate, patienceMs } from "./machine.ts";

setDefaultTimeout(patienceMs);

const architecture: Architecture = arch() === "arm64" ? "arm64" : "x64";

let host: NamespaceHost;
let sandbox: Sandbox;
beforeAll(async () => {
  host = namespaceHost();
  sandbox = await bootOne(host, "refused");
});
afterAll(() => host[Symbol.asyncDispose]());

type Attempt = {
  readonly name: string;
  readonly number: number;
  readonly args: readonly number[];
  readonly error: number;
};

/** A value for each way to break the rule. */
function breaking({ rule, values }: Check): readonly number[] {
  if (rule === "none of") return values;
  if (rule === "one of")
    return [0, 1, 2, 3, 7, 9, 16, 17, 29, 38, 40, 44, 0x400000, 0x100000].filter((value) => !values.includes(value));
  const bits = Array.from({ length: 32 }, (_, bit) => 2 ** bit);
  return bits.filter((bit) => values.some((value) => Math.floor(value / bit) % 2 === 1));
}

const attempts: readonly Attempt[] = refusals.flatMap((refusal) =>
  refusal.calls.flatMap(({ name, ...numbers }): readonly Attempt[] => {
    const number = numbers[architecture];
    if (number === null) return [];
    if ("answer" in refusal) return [{ name, number, args: [], error: errorNumbers[refusal.answer] }];
    return refusal.checks.flatMap((check) =>
      breaking(check).map((value) => {
        const args = [0, 0, 0];
        if (check.where !== undefined) args[check.where.argument] = check.where.value;
        args[check.argument] = value;
        return { name, number, args, error: errorNumbers[check.answer] };
      }),
    );
  }),
);

const unknown: readonly Attempt[] = [newestCall + 1, 500, 1000].map((number) => ({
  ...{ name: `call ${number}`, number, args: [], error: errorNumbers.ENOSYS },
}));

/** x86-64 only: getpid by the numbers of x32. */
const x32: readonly Attempt[] = [{ name: "x32 getpid", number: 0x40000000 + 39, args: [], error: errorNumbers.ENOSYS }];

/** Prints for each call its number, and the error that it answered or 0. */
const trier = (tried: readonly Attempt[]) => `
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
for number, args in json.loads('${JSON.stringify(tried.map(({ number, args }) => [number, args]))}'):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(arg) for arg in args + [0] * (6 - len(args))])
    print(number, ctypes.get_errno() if answer == -1 else 0)
`;

const expected = (tried: readonly Attempt[]) => tried.map(({ number, error }) => `${number} ${error}\n`).join("");

test("there is something to try", () => expect(attempts.length).toBeGreaterThan(90));

for (const kind of ["code", "command"] as const) {
  const run = (source: string) =>
    runIn(sandbox, kind, kind === "code" ? source : `python3 - <<'END'\n${source}\nEND\n`).then(({ stdout }) => stdout);

  test.each(attempts.map((attempt) => [attempt.name, attempt] as const).filter(isFirst))(
    `a ${kind} is refused %s as the table tells`,
    async (name) => {
      const own = attempts.filter((attempt) => attempt.name === name);
      expect(await run(trier(own))).toBe(expected(own));
    },
  );

  test(`a ${kind} is told of calls that are newer than the table as of none`, async () => {
    expect(await run(trier(unknown))).toBe(expected(unknown));
  });

  test.skipIf(architecture !== "x64")(`a ${kind} cannot call the kernel as a program of x32`, async () => {
    expect(await run(trier(x32))).toBe(expected(x32));
  });
}

function isFirst([name]: readonly [string, Attempt], index: number, all: readonly (readonly [string, Attempt])[]) {
  return all.findIndex(([other]) => other === name) === index;
}

/** Asks for its process id as a program of i386 does, by interrupt 128, and prints the answer. */
const asI386 = `
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0)
`;

/** A kernel without i386's calls kills the program. */
const kernelKnowsI386 =
  architecture === "x64" && Bun.spawnSync(["python3", "-c", asI386]).stdout.toString().trim() === "True";

test.skipIf(!kernelKnowsI386)("a program cannot call the kernel as one of i386, which it could outside", async () => {
  expect((await runIn(sandbox, "code", asI386)).stdout).toBe("False\n");
  expect((await command(sandbox, `python3 - <<'END'\n${asI386}\nEND\n`)).stdout).toBe("False\n");
});

test("all in a sandbox stands behind the filter: interpreters, commands, and the two that hold it", async () => {
  const filtered =
    "for status in /proc/[0-9]*/status; do grep -q '^Seccomp:.2$' $status || echo $status; done; echo all";
  expect((await command(sandbox, filtered)).stdout).toBe("all\n");
  await using own = await bootOne(host, "refused-node", nodeTemplate);
  const source = `require("fs").readFileSync("/proc/self/status", "utf8").match(/^Seccomp:.*$/m)[0]`;
  expect((await runIn(own, "code", source)).stdout).toContain("2");
  expect((await command(own, filtered)).stdout).toBe("all\n");
});

test("what starts a program cannot be seen or changed from inside", async () => {
  const found = "grep -l msb-mcp-guest /proc/[0-9]*/comm; find /run /proc/self/fd -name '*launcher*'; echo none";
  expect((await command(sandbox, found)).stdout).toBe("none\n");
});
