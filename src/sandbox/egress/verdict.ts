// May a sandbox reach this host and port? The policy by itself, before any name is resolved, and then the addresses that a name has.

import type { BlockList } from "node:net";
import { type AllowedHost, domainName, machineName, type NetworkPolicy, packageRegistries } from "../network.ts";
import { createKindOf, familyOf, type KindOf, listOf } from "./addresses.ts";

export type Target = {
  /** As the client wrote it, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
};

/** Which rule refused: a fixed set, for counting. */
export type RefusalRule = "name" | "port" | "address" | "private_address" | "tls_name" | "protocol" | "limit";

export type Refusal = {
  readonly rule: RefusalRule;
  /** What is allowed instead, for people: the end of a sentence. */
  readonly why: string;
};

export type Verdict =
  /** Any of its addresses that `judgeAddress` lets through. `isNamed`: the policy goes by the name, so TLS must be for it, too. */
  | { readonly kind: "name"; readonly name: string; readonly isNamed: boolean }
  | { readonly kind: "address"; readonly address: string }
  /** This machine's loopback. */
  | { readonly kind: "machine" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const httpsPort = 443;
/** A cloud's metadata is reached by a rule that means it, not by one that is so wide that it holds it. Bits, as of link-local networks. */
const metadataBits = { ipv4: 16, ipv6: 10 } as const;

/** Of one policy, whose networks are made ready to be asked once for all. */
export type Judge = {
  readonly policy: NetworkPolicy;
  readonly kindOf: KindOf;
  readonly judge: (target: Target) => Verdict;
  /** Of an address that a name has; undefined if it may be connected to. */
  readonly judgeAddress: (
    place: { readonly address: string; readonly port: number; readonly isNamed: boolean },
    ownAddresses: readonly string[],
  ) => Refusal | undefined;
};

export function createJudge(policy: NetworkPolicy): Judge {
  const kindOf = createKindOf();
  const networks = policy.kind === "allow" ? policy.hosts.flatMap(networkOf) : [];
  return {
    ...{ policy, kindOf },
    judge: (target) => judgeTarget(policy, target, networks, kindOf),
    judgeAddress: ({ address, port, isNamed }, ownAddresses) => {
      const kind = kindOf(address);
      if (kind === "unreachable") return privateAddress;
      const rules = networks.filter((network) => opens(network, address, port));
      if (ownAddresses.some((own) => isSame(own, address)))
        return rules.some(isOneAddress) ? undefined : privateAddress;
      if (kind === "public" || (kind === "unassigned" && isNamed)) return undefined;
      const bits = kind === "metadata" ? metadataBits[familyOf(address) ?? "ipv4"] : 0;
      return rules.some(({ prefix }) => prefix >= bits) ? undefined : privateAddress;
    },
  };
}

/** Of those that a policy lists. */
type Network = {
  readonly family: "ipv4" | "ipv6";
  readonly prefix: number;
  readonly port: number | undefined;
  readonly list: BlockList;
};

function networkOf(host: AllowedHost): readonly Network[] {
  if (host.kind !== "network") return [];
  const [address = "", prefix] = host.cidr.split("/");
  const family = familyOf(address);
  return family === undefined ? [] : [{ family, prefix: Number(prefix), port: host.port, list: listOf([host.cidr]) }];
}

function judgeTarget(
  policy: NetworkPolicy,
  { host, port }: Target,
  networks: readonly Network[],
  kindOf: KindOf,
): Verdict {
  if (familyOf(host) !== undefined) {
    if (kindOf(host) === "unreachable") return { kind: "refused", refusal: privateAddress };
    if (policy.kind === "public") return { kind: "address", address: host };
    if (policy.kind !== "allow") return refused("address", "it allows hosts by their names, not IP addresses");
    const isThere = networks.some((network) => opens(network, host, port));
    return isThere
      ? { kind: "address", address: host }
      : refused("address", "no network that it allows holds that address");
  }
  const name = domainName(host.replace(/\.$/, ""));
  if (name === undefined) {
    return refused("name", "a host is a full name, or an IP address in its usual form");
  }
  switch (policy.kind) {
    case "none":
      return refused("name", "it allows nothing");
    case "packages":
      if (!packageRegistries.includes(name)) return refused("name", `it allows ${packageRegistries.join(", ")}`);
      if (port !== httpsPort) return refused("port", `it allows port ${httpsPort}`);
      return { kind: "name", name, isNamed: true };
    case "public":
      if (name === machineName) return refused("name", "it does not allow the machine that runs the sandbox");
      return { kind: "name", name, isNamed: false };
    case "allow":
      return judgeListed(policy.hosts, name, port);
  }
}

function judgeListed(hosts: readonly AllowedHost[], name: string, port: number): Verdict {
  if (name === machineName) {
    const isOpen = hosts.some((host) => host.kind === "machine" && host.port === port);
    return isOpen ? { kind: "machine" } : refused("port", "that port of the machine is not in its list");
  }
  const named = hosts.filter((host) => isFor(host, name));
  if (named.length === 0) return refused("name", "that name is not in its list");
  const ports = named.map((host) => host.port);
  if (!ports.some((one) => one === undefined || one === port)) return refused("port", `it allows port ${ports.join()}`);
  return { kind: "name", name, isNamed: true };
}

const privateAddress: Refusal = {
  rule: "private_address",
  why: "the address is one of a private network, of this machine, of a cloud's metadata or of no host",
};

function refused(rule: RefusalRule, why: string): Verdict {
  return { kind: "refused", refusal: { rule, why } };
}

function isFor(host: AllowedHost, name: string): boolean {
  if (host.kind === "domain") return host.name === name;
  return host.kind === "subdomains" && (name === host.name || name.endsWith(`.${host.name}`));
}

function opens({ family, port: only, list }: Network, address: string, port: number): boolean {
  return familyOf(address) === family && (only === undefined || only === port) && list.check(address, family);
}

function isOneAddress({ family, prefix }: Network): boolean {
  return prefix === (family === "ipv6" ? 128 : 32);
}

/** However they are written: those of IPv6 can be in many ways. */
function isSame(one: string, other: string): boolean {
  const [family, otherFamily] = [familyOf(one), familyOf(other)];
  if (family === undefined || family !== otherFamily) return false;
  return family === "ipv4" ? one === other : inFull(one) === inFull(other);
}

function inFull(address: string): string {
  return new URL(`http://[${address}]`).hostname;
}
