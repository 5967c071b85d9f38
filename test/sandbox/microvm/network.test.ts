// What the runtime's own builder makes of a policy: the configuration it would boot with. Nothing boots here.

import { expect, test } from "bun:test";
import { Sandbox } from "microsandbox";
import { createKindOf, familyOf, listOf } from "../../../src/sandbox/egress/addresses.ts";
import { applyNetwork } from "../../../src/sandbox/microvm/network.ts";
import { domainName, machineName, type NetworkPolicy, parseNetwork } from "../../../src/sandbox/network.ts";
import type { Secret } from "../../../src/sandbox/secrets.ts";
import { type NetworkCase, networkCases } from "../network-cases.ts";

type Rule = {
  readonly destination: Readonly<Record<string, string>>;
  readonly action: string;
  readonly protocols: readonly string[];
  readonly ports: readonly { readonly start: number; readonly end: number }[];
};

/** As far as it is looked into. */
type Network = {
  readonly policy: { readonly rules: readonly Rule[] };
  readonly tls: { readonly interceptedPorts: readonly number[]; readonly bypass: readonly string[] };
  readonly secrets: { readonly secrets: readonly { readonly placeholder: string }[] };
};

const denied = { defaultEgress: "deny", defaultIngress: "deny" };
const https = { start: 443, end: 443 };

function policyOf(text: string): NetworkPolicy {
  const reading = parseNetwork(text);
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

async function networkOf(text: string, secrets: readonly Secret[] = []): Promise<Network> {
  const builder = Sandbox.builder("unbooted").image("python:3.13-slim");
  applyNetwork(builder, policyOf(text), secrets);
  const built: { network: Network } = JSON.parse(JSON.stringify(await builder.build()));
  return built.network;
}

function secretFor(host: string): Secret {
  return { name: "API_KEY", host, reveal: () => "s3cret" };
}

/** As the runtime goes through rules: the first that matches, and denied where none does. Names are asked for where a rule lets DNS through. */
function isReached({ policy }: Network, { host, port }: NetworkCase): boolean {
  const isName = domainName(host) !== undefined;
  const isFor = ({ destination: { domain, domain_suffix, domainSuffix = domain_suffix, cidr, group } }: Rule) => {
    if (domain !== undefined) return domain === host;
    if (domainSuffix !== undefined) return host === domainSuffix || host.endsWith(`.${domainSuffix}`);
    if (group === "host") return host === machineName;
    if (group === "public") return host !== machineName && (isName || createKindOf()(host) === "public");
    const family = familyOf(host);
    return (
      cidr !== undefined &&
      family !== undefined &&
      familyOf(cidr.split("/")[0] ?? "") === family &&
      listOf([cidr]).check(host, family)
    );
  };
  const isOpen = ({ protocols, ports }: Rule) =>
    (protocols.length === 0 || protocols.includes("tcp")) &&
    (ports.length === 0 || ports.some(({ start, end }) => start <= port && port <= end));
  return policy.rules.find((rule) => isFor(rule) && isOpen(rule))?.action === "allow";
}

test.each(networkCases)("with $policy, $host port $port is reached: $isReached", async (one) => {
  expect(isReached(await networkOf(one.policy), one)).toBe(one.isReached);
});

test("none takes the network device away, and denies everything besides", async () => {
  expect(await networkOf("none")).toMatchObject({ enabled: false, ports: [], policy: { ...denied, rules: [] } });
});

test("packages are three registries over HTTPS, and no DNS for anything else", async () => {
  const rule = (domain: string) => ({
    ...{ direction: "egress", destination: { domain }, protocols: ["tcp"], ports: [https], action: "allow" },
  });
  expect(await networkOf("packages")).toMatchObject({
    enabled: true,
    policy: { ...denied, rules: [rule("pypi.org"), rule("files.pythonhosted.org"), rule("registry.npmjs.org")] },
    dns: { rebindProtection: true },
    tls: { enabled: false },
    trustHostCas: false,
  });
});

test("public is every public address and DNS, and no private network, no metadata service, not this machine", async () => {
  const network = await networkOf("public");
  expect(network.policy).toMatchObject({
    ...denied,
    rules: [
      { destination: { group: "host" }, protocols: ["udp", "tcp"], ports: [{ start: 53, end: 53 }], action: "allow" },
      { destination: { group: "public" }, protocols: [], ports: [], action: "allow" },
    ],
  });
});

test.each([
  ["api.example.com", { domain: "api.example.com" }, [], ["tcp", "udp"]],
  ["api.example.com:443", { domain: "api.example.com" }, [https], ["tcp", "udp"]],
  ["*.example.com", { domain_suffix: "example.com" }, [], ["tcp", "udp"]],
  ["host.microsandbox.internal:443", { group: "host" }, [https], ["tcp"]],
])("allow:%s is one rule, and denies the rest", async (text, destination, ports, protocols) => {
  const network = await networkOf(`allow:${text}`);
  expect(network.policy).toMatchObject(denied);
  expect(JSON.parse(JSON.stringify(network.policy.rules).replace("domainSuffix", "domain_suffix"))).toEqual([
    { direction: "egress", destination, protocols, ports, action: "allow" },
  ]);
});

test.each([
  ["192.0.2.7", "192.0.2.7/32", []],
  ["10.1.2.3/8", "10.1.2.3/8", []],
  ["[2001:db8::/32]:443", "2001:db8::/32", [https]],
  ["172.16.0.0/12", "172.16.0.0/12", []],
])("allow:%s is that network, and not this machine, whose address may be in it", async (text, cidr, ports) => {
  const network = await networkOf(`allow:${text}`);
  expect(network.policy).toMatchObject(denied);
  expect(network.policy.rules).toMatchObject([
    { direction: "egress", destination: { group: "host" }, protocols: [], ports: [], action: "deny" },
    { direction: "egress", destination: { cidr }, protocols: ["tcp", "udp"], ports, action: "allow" },
  ]);
});

test("names come before this machine, which comes before networks, so that none closes or opens another", async () => {
  const text = "allow:10.0.0.0/8,host.microsandbox.internal:8080,api.example.com,*.example.org";
  expect((await networkOf(text)).policy.rules).toMatchObject([
    { destination: { domain: "api.example.com" }, action: "allow" },
    { destination: { domainSuffix: "example.org" }, action: "allow" },
    { destination: { group: "host" }, ports: [{ start: 8080, end: 8080 }], action: "allow" },
    { destination: { group: "host" }, ports: [], action: "deny" },
    { destination: { cidr: "10.0.0.0/8" }, action: "allow" },
  ]);
});

test.each(["packages", "allow:api.example.com", "allow:host.microsandbox.internal:8080", "allow:192.0.2.0/24"])(
  "%s opens no way to ask DNS for other names",
  async (text) => {
    const rules = (await networkOf(text)).policy.rules;
    const opening = rules.filter(({ destination, ports, protocols, action }) => {
      if (action === "deny") return false;
      const kinds = Object.entries(destination).join();
      const isGateway = kinds.includes("host") || kinds.includes("any");
      const isDns = ports.length === 0 || ports.some(({ start, end }) => start <= 53 && end >= 53);
      return isGateway && (isDns || protocols.includes("udp"));
    });
    expect(opening).toEqual([]);
  },
);

test("a secret is put in over verified TLS for its host alone, and blocked elsewhere", async () => {
  const network = await networkOf("allow:api.example.com", [secretFor("api.example.com")]);
  expect(network).toMatchObject({
    policy: { ...denied, rules: [{ destination: { domain: "api.example.com" } }] },
    tls: { enabled: true, verifyUpstream: true, interceptedPorts: [443], bypass: [] },
    secrets: {
      onViolation: "block-and-log",
      secrets: [
        {
          envVar: "API_KEY",
          allowedHosts: [{ exact: "api.example.com" }],
          injection: { headers: true, basicAuth: true, queryParams: false, body: false },
          requireTlsIdentity: true,
        },
      ],
    },
  });
});

test("a placeholder has nothing of its secret", async () => {
  const network = await networkOf("public", [secretFor("api.example.com")]);
  const [entry] = network.secrets.secrets;
  expect(entry?.placeholder).toBe("$MSB_API_KEY");
});

test("a secret for a domain goes to what is below it", async () => {
  const network = await networkOf("public", [secretFor("*.example.com")]);
  expect(network.secrets.secrets).toMatchObject([{ allowedHosts: [{ wildcard: "*.example.com" }] }]);
});

test("a port that is named for a secret's host is looked into as well, but never HTTP's own", async () => {
  const text = "allow:api.example.com:8443,api.example.com:80,other.example.com:9443";
  const network = await networkOf(text, [secretFor("api.example.com")]);
  expect(network.tls.interceptedPorts).toEqual([443, 8443]);
});

test("a secret for this machine needs no TLS, and its port stays open for plain HTTP", async () => {
  const name = "host.microsandbox.internal";
  const network = await networkOf(`allow:${name}:8080`, [secretFor(name)]);
  expect(network.tls.interceptedPorts).toEqual([443]);
  expect(network.secrets.secrets).toMatchObject([{ allowedHosts: [{ exact: name }], requireTlsIdentity: false }]);
});

test.each([
  ["packages", "pypi.org", ["files.pythonhosted.org", "registry.npmjs.org"]],
  ["allow:api.example.com,db.example.com:5432", "api.example.com", ["db.example.com"]],
  ["allow:api.example.com,*.other.com", "api.example.com", ["other.com", "*.other.com"]],
  ["allow:*.example.com", "api.example.com", ["example.com"]],
  ["allow:*.example.com", "*.eu.example.com", ["example.com"]],
  ["allow:api.example.com,192.0.2.0/24,host.microsandbox.internal:80", "api.example.com", []],
  ["public", "api.example.com", []],
])("with %s and a secret for %s, the TLS of %p is left alone", async (policy, host, passed) => {
  const network = await networkOf(policy, [secretFor(host)]);
  expect(network.tls.bypass).toEqual(passed);
});
