// Whom a policy lets through: the table that is the same for microVMs, and what is particular to judging at a proxy.

import { expect, test } from "bun:test";
import { type AddressKind, createKindOf } from "../../../src/sandbox/egress/addresses.ts";
import { createJudge } from "../../../src/sandbox/egress/verdict.ts";
import { type NetworkPolicy, parseNetwork } from "../../../src/sandbox/network.ts";
import { networkCases, somewhere } from "../network-cases.ts";

const kindOf = createKindOf();
const ownAddresses = ["127.0.0.1", "93.184.215.99", "10.1.1.1", "2606:4700::99"];

function policyOf(text: string): NetworkPolicy {
  const reading = parseNetwork(text);
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

/** The rule that refuses; undefined if it is reached. */
function refusalOf(policyText: string, host: string, port: number, address = somewhere): string | undefined {
  const { judge, judgeAddress } = createJudge(policyOf(policyText));
  const verdict = judge({ host, port });
  if (verdict.kind === "refused") return verdict.refusal.rule;
  if (verdict.kind === "machine") return undefined;
  const isNamed = verdict.kind === "name" && verdict.isNamed;
  const its = verdict.kind === "address" ? verdict.address : address;
  return judgeAddress({ address: its, port, isNamed }, ownAddresses)?.rule;
}

test.each(networkCases)("with $policy, $host port $port is reached: $isReached", (one) => {
  expect(refusalOf(one.policy, one.host, one.port, one.address) === undefined).toBe(one.isReached);
});

const places: readonly (readonly [AddressKind, readonly string[]])[] = [
  ["public", ["1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1", "169.253.0.1"]],
  ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "fd12::1", "fec0::1"]],
  ["metadata", ["169.254.169.254", "fe80::1", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"]],
  ["unassigned", ["192.0.2.1", "203.0.113.80", "198.18.0.1", "2001:db8::1"]],
  ["unreachable", ["0.0.0.0", "127.0.0.1", "127.255.255.254", "224.0.0.1", "255.255.255.255", "192.0.0.192"]],
  ["unreachable", ["::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "::ffff:7f00:1"]],
  ["unreachable", ["64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::1", "ff02::1", "4000::1"]],
  ["unreachable", ["fe80::1%eth0", "", "example.com"]],
];

test.each(places.flatMap(([kind, addresses]) => addresses.map((address) => [address, kind] as const)))(
  "%p is %s",
  (address, kind) => {
    expect(kindOf(address)).toBe(kind);
  },
);

const policies = ["packages", "public", "allow:pypi.org,1.1.1.1,0.0.0.0/0"];
const disguised = [
  ...["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "1.1", "0x1.1.1.1", "01.1.1.1"],
  ...["16843009", "1.1.1.1.", "1.1.1.256", "0", "localhost", "localhost.", "metadata", "::ffff:1.1.1.1", "::1"],
  ...["64:ff9b::101:101", "2002:101:101::", "pypi", "pypi.org..", "-pypi.org", "p\u0131pi.org", "", "..", "."],
];

test.each(policies)("with %s, an address in disguise and what is no full name are refused", (policy) => {
  const reached = disguised.filter((host) => refusalOf(policy, host, 443) === undefined);
  expect(reached).toEqual([]);
});

test.each([
  ...["127.0.0.1", "10.0.0.5", "169.254.169.254", "100.100.100.200", "192.168.0.1", "0.0.0.0", "224.0.0.1"],
  ...["::1", "::ffff:10.0.0.5", "::ffff:a00:5", "fd00:ec2::254", "fe80::1", "64:ff9b::a00:5", "2002:a00:5::"],
])("a name that resolves to %s is refused, whatever lets the name through", (address) => {
  for (const [policy, name] of [
    ["packages", "pypi.org"],
    ["public", "rebinding.example.com"],
    ["allow:*.example.com", "rebinding.example.com"],
  ] as const) {
    expect(refusalOf(policy, name, 443, address)).toBe("private_address");
  }
});

test("a private address of a name is reached where the policy allows it beside the name, on its port", () => {
  const policy = "allow:db.example.com,10.0.0.0/8:5432";
  expect(refusalOf(policy, "db.example.com", 5432, "10.0.0.5")).toBeUndefined();
  expect(refusalOf(policy, "db.example.com", 5433, "10.0.0.5")).toBe("private_address");
  expect(refusalOf(policy, "db.example.com", 5432, "192.168.0.5")).toBe("private_address");
});

test("this machine's own addresses are reached only where one is named by itself", () => {
  for (const address of ["93.184.215.99", "2606:4700::99", "2606:4700:0:0::0099"]) {
    expect(refusalOf("public", address, 80)).toBe("private_address");
    expect(refusalOf("public", "me.example.com", 80, address)).toBe("private_address");
  }
  expect(refusalOf("allow:10.0.0.0/8", "10.1.1.1", 80)).toBe("private_address");
  expect(refusalOf("allow:10.0.0.0/8,10.1.1.1", "10.1.1.1", 80)).toBeUndefined();
});

test("a network that is as wide as the internet opens no loopback and no metadata", () => {
  const wide = "allow:0.0.0.0/0,::/0";
  expect(refusalOf(wide, "1.1.1.1", 80)).toBeUndefined();
  for (const address of ["127.0.0.1", "169.254.169.254", "168.63.129.16", "0.0.0.0", "::1", "::ffff:127.0.0.1"]) {
    expect(refusalOf(wide, address, 80)).toBe("private_address");
  }
  expect(refusalOf("allow:100.64.0.0/10", "100.100.100.200", 80)).toBe("private_address");
  expect(refusalOf("allow:169.254.169.254", "169.254.169.254", 80)).toBeUndefined();
});

test("an address that is nobody's is reached by a name that the policy has, and not by public", () => {
  expect(refusalOf("packages", "pypi.org", 443, "203.0.113.80")).toBeUndefined();
  expect(refusalOf("public", "pypi.org", 443, "203.0.113.80")).toBe("private_address");
});

test("a name is the same in capitals and with the dot of the root", () => {
  expect(refusalOf("packages", "PyPI.org.", 443)).toBeUndefined();
});
