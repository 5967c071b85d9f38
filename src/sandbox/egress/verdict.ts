// May a sandbox reach this host and port? The policy by itself, before any name is resolved, and then the addresses that a name has.

import { type AllowedHost, domainName, machineName, type NetworkPolicy, packageRegistries } from "../network.ts";
import { familyOf, type KindOf, listOf } from "./addresses.ts";

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

export function judge(policy: NetworkPolicy, { host, port }: Target, kindOf: KindOf): Verdict {
  if (familyOf(host) !== undefined) return judgeLiteral(policy, host, port, kindOf);
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

/** Of an address that a name has; undefined if it may be connected to. */
export function judgeAddress(
  policy: NetworkPolicy,
  { address, port, isNamed }: { readonly address: string; readonly port: number; readonly isNamed: boolean },
  kindOf: KindOf,
  ownAddresses: readonly string[],
): Refusal | undefined {
  const hosts = policy.kind === "allow" ? policy.hosts : [];
  const kind = kindOf(address);
  if (kind === "unreachable") return privateAddress;
  const rules = hosts.filter((host) => opens(host, address, port));
  if (isOneOf(ownAddresses, address)) return rules.some(isOneAddress) ? undefined : privateAddress;
  if (kind === "public" || (kind === "unassigned" && isNamed)) return undefined;
  const bits = kind === "metadata" ? metadataBits[familyOf(address) ?? "ipv4"] : 0;
  return rules.some((rule) => prefixOf(rule) >= bits) ? undefined : privateAddress;
}

function judgeLiteral(policy: NetworkPolicy, address: string, port: number, kindOf: KindOf): Verdict {
  if (kindOf(address) === "unreachable") return { kind: "refused", refusal: privateAddress };
  if (policy.kind === "public") return { kind: "address", address };
  if (policy.kind !== "allow") return refused("address", "it allows hosts by their names, not IP addresses");
  const isThere = policy.hosts.some((host) => opens(host, address, port));
  return isThere ? { kind: "address", address } : refused("address", "no network that it allows holds that address");
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

function opens(host: AllowedHost, address: string, port: number): boolean {
  const family = familyOf(address);
  if (host.kind !== "network" || family === undefined || (host.port !== undefined && host.port !== port)) return false;
  return familyOf(host.cidr.split("/")[0] ?? "") === family && listOf([host.cidr]).check(address, family);
}

function prefixOf(host: AllowedHost): number {
  return host.kind === "network" ? Number(host.cidr.split("/")[1]) : 0;
}

function isOneAddress(host: AllowedHost): boolean {
  return host.kind === "network" && prefixOf(host) === (host.cidr.includes(":") ? 128 : 32);
}

/** However they are written. */
function isOneOf(addresses: readonly string[], address: string): boolean {
  const family = familyOf(address);
  return addresses.some((one) => {
    const own = familyOf(one);
    return own !== undefined && own === family && listOf([`${one}/${own === "ipv4" ? 32 : 128}`]).check(address, own);
  });
}
