// The table of whom each policy lets a sandbox reach, in real microVMs: every host of it stands in this machine, under its own address and, by
// this machine's DNS, its own name, so that what is refused is refused by the policy and by nothing else.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseNetwork } from "../../../src/sandbox/network.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { runIn } from "../../contract/port-contract.ts";
import { type NetworkCase, networkCases, somewhere } from "../../sandbox/network-cases.ts";
import { createHost, templateOf } from "./host.ts";

const patienceMs = 280_000;
const resolvConf = "/etc/resolv.conf";

/** Each name has one of its own: a microVM is let through to the addresses of a name, and to all that stands on them. */
const addressOf: ReadonlyMap<string, string> = new Map(
  [...new Set(networkCases.map((one) => one.host.toLowerCase()))]
    .filter((name) => isIP(name) === 0)
    .map((name, at) => [name, somewhere.replace(/\d+$/, String(100 + at))]),
);

let host: SandboxHost;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  host = stack.use(createHost());
  const literals = networkCases.map((one) => one.host).filter((name) => isIP(name) !== 0 && !isLoopback(name));
  for (const address of new Set([somewhere, ...addressOf.values(), ...literals])) {
    const added = Bun.spawnSync(["ip", "addr", "add", `${address}/${isIP(address) === 4 ? 32 : 128}`, "dev", "lo"]);
    if (!added.success) throw new Error(`${address}: ${added.stderr}`);
  }
  for (const port of new Set(networkCases.map((one) => one.port))) {
    // Only when it is asked, so that nothing unread is left that would break the answer off.
    const server = Bun.listen({ hostname: "::", port, socket: { data: (socket) => void socket.end("reached") } });
    stack.defer(() => server.stop(true));
  }
  const names = await Bun.udpSocket({
    ...{ hostname: "127.0.0.1", port: 53 },
    socket: { data: (socket, question, port, address) => void socket.send(answerTo(question), port, address) },
  });
  stack.defer(() => names.close());
  const before = readFileSync(resolvConf, "utf8");
  stack.defer(() => writeFileSync(resolvConf, before));
  writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
}, patienceMs);

afterAll(() => stack.disposeAsync(), patienceMs);

const byPolicy = Map.groupBy(networkCases, ({ policy }) => policy);

test.each([...byPolicy])(
  "with %s, a guest reaches what the table says, and nothing else of it",
  async (policy, cases) => {
    const reading = parseNetwork(policy);
    if ("problems" in reading) throw new Error(reading.problems.join());
    const spec = { sessionId: `cases-${Bun.nanoseconds()}`, template: templateOf("python"), network: reading.policy };
    await using sandbox = await host.create(
      { ...spec, resources: { cpus: 1, memoryMib: 256 } },
      new AbortController().signal,
    );
    const { stdout, stderr } = await runIn(sandbox, "code", trying(cases));
    const told: readonly string[] = JSON.parse(stdout);
    const shown = cases.map((one, index) => `${one.host} port ${one.port}: ${told[index]}`).join("\n");
    const differing = cases.filter((one, index) => {
      // A guest without IPv6 reaches nothing by it, whatever its policy.
      if (one.isReached && isIP(one.host) === 6 && told[index] === "no IPv6") return false;
      return (told[index] === "reached") !== one.isReached;
    });
    expect({ differing, shown, stderr }).toEqual({ differing: [], shown, stderr: "" });
  },
  patienceMs,
);

/** Prints a JSON list: for each case "reached", or why not. */
function trying(cases: readonly NetworkCase[]): string {
  return `
import errno, json, socket
def attempt(host, port):
    try:
        with socket.create_connection((host, port), 10) as one:
            one.settimeout(10)
            one.sendall(b"hello\\r\\n")
            return one.recv(100).decode() or "nothing said"
    except OSError as error:
        if ":" in host and error.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return "no IPv6"
        return str(error)
print(json.dumps([attempt(host, port) for host, port in ${JSON.stringify(cases.map((one) => [one.host, one.port]))}]))`;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** Names that are not in the table have an address, too; of another kind than A there is nothing (RFC 1035, 4.1). */
function answerTo(question: Buffer): Uint8Array {
  let at = 12;
  const labels: string[] = [];
  while (at < question.length && question[at] !== 0) {
    const end = at + 1 + (question[at] ?? 0);
    labels.push(question.subarray(at + 1, end).toString("latin1"));
    at = end;
  }
  const address = addressOf.get(labels.join(".").toLowerCase()) ?? somewhere;
  const asked = question.subarray(12, at + 5);
  const isA = question.readUInt16BE(at + 1) === 1;
  const head = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
  const record = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split(".").map(Number)] : [];
  return Buffer.concat([head, asked, Buffer.from(record)]);
}
