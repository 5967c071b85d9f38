// Whom sandboxes may reach: the policy, how `--network` is written, and what a policy covers. Enforcing it is the adapters' part.

import { isIP } from "node:net";

export type NetworkPolicy =
  /** No network device at all. */
  | { readonly kind: "none" }
  /** The public package registries, over HTTPS. */
  | { readonly kind: "packages" }
  /** The public internet, and no private network, no metadata service, not this machine. */
  | { readonly kind: "public" }
  /** Exactly these, with DNS for exactly these names. */
  | { readonly kind: "allow"; readonly hosts: readonly AllowedHost[] };

export type AllowedHost = (
  | { readonly kind: "domain"; readonly name: string }
  /** The domain itself and everything below it. */
  | { readonly kind: "subdomains"; readonly name: string }
  /** An address is a network of one. */
  | { readonly kind: "network"; readonly cidr: string }
  /** This machine, whose loopback the guest knows as `host.microsandbox.internal`. */
  | { readonly kind: "machine" }
) & {
  /** Undefined: all ports. */
  readonly port: number | undefined;
};

/** The name by which a guest reaches the machine it runs on. */
export const machineName = "host.microsandbox.internal";

/** What `packages` is: the registries of pip and npm, and where they send for the files. */
export const packageRegistries: readonly string[] = ["pypi.org", "files.pythonhosted.org", "registry.npmjs.org"];

/** Rules in one policy; each connection is matched against them in order. */
const maxHosts = 256;

export const networkRule =
  "one of none, packages, public, or else allow:HOST,… where a host is NAME, *.DOMAIN, an IP address or a CIDR network, each with or without :PORT " +
  `([…]:PORT for IPv6), or ${machineName}:PORT`;

/** Never throws: the policy, or what is wrong, each with the value and what is allowed. */
export function parseNetwork(text: string): { policy: NetworkPolicy } | { problems: readonly string[] } {
  if (text === "none" || text === "packages" || text === "public") return { policy: { kind: text } };
  const list = /^allow:(.*)$/s.exec(text)?.[1];
  const items = list?.split(",").map((item) => item.trim()) ?? [];
  if (list === undefined || items.every((item) => item === "")) {
    return { problems: [`${show(text)} is not allowed; it must be ${networkRule}`] };
  }
  const named = items.filter((item) => item !== "");
  if (named.length > maxHosts) return { problems: [`there are ${named.length} hosts; allowed are ${maxHosts}`] };
  const readings = named.map((item) => ({ item, host: parseHost(item) }));
  const problems = readings.flatMap(({ item, host }) =>
    typeof host === "string" ? [`${show(item)} is not allowed; ${host}`] : [],
  );
  if (problems.length > 0) return { problems };
  return { policy: { kind: "allow", hosts: readings.flatMap(({ host }) => (typeof host === "string" ? [] : [host])) } };
}

/** Does the policy let something through to this name? `*.DOMAIN` asks for everything below the domain. */
export function reaches(policy: NetworkPolicy, name: string): boolean {
  switch (policy.kind) {
    case "none":
      return false;
    case "packages":
      return packageRegistries.includes(name);
    case "public":
      return name !== machineName;
    case "allow":
      return policy.hosts.some((host) => covers(host, name));
  }
}

/** As it is written, for people. */
export function describeNetwork(policy: NetworkPolicy): string {
  return policy.kind === "allow" ? `allow:${describeHosts(policy.hosts).join(",")}` : policy.kind;
}

/** Each as it is written. */
export function describeHosts(hosts: readonly AllowedHost[]): readonly string[] {
  return hosts.map(describeHost);
}

/** A name as DNS has it, in lower case; undefined for what is none. At least two labels. */
export function domainName(text: string): string | undefined {
  const labels = text.toLowerCase().split(".");
  const isName =
    text.length <= 253 && labels.length > 1 && labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label));
  // A last label of digits is an address that went wrong (256.0.0.1), never a name.
  return isName && !/^\d+$/.test(labels.at(-1) ?? "") ? text.toLowerCase() : undefined;
}

function covers(host: AllowedHost, name: string): boolean {
  if (host.kind === "machine") return name === machineName;
  if (host.kind === "domain") return host.name === name;
  if (host.kind === "network") return false;
  const bare = name.replace(/^\*\./, "");
  return bare === host.name || bare.endsWith(`.${host.name}`);
}

/** The host, or the rule it breaks. */
function parseHost(item: string): AllowedHost | string {
  const [, bracketed, plain, portText] =
    /^(?:\[([^\]]*)\]|([^:]*|[^:]*:[^:]*:.*?))(?::(\d{1,5}))?$/.exec(whole(item)) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  if (port === 0 || (port !== undefined && port > 65_535)) return "a port is a whole number from 1 to 65535";
  const text = bracketed ?? plain ?? item;
  const cidr = networkOf(text);
  if (cidr !== undefined) {
    const v4 = mappedOf(cidr);
    if (v4 !== undefined) return `an address of IPv4 is written as one: ${v4}`;
    return isLoopback(cidr)
      ? `inside a sandbox it is the sandbox itself; this machine is ${machineName}:PORT there`
      : { kind: "network", cidr, port };
  }
  const lower = text.toLowerCase();
  if (lower === machineName) {
    // Every name's DNS is answered at the same address: a rule without a port would let all of it through.
    return port === undefined || port === 53 ? `${machineName} needs a port, and not 53` : { kind: "machine", port };
  }
  if (lower === "localhost")
    return `inside a sandbox it is the sandbox itself; this machine is ${machineName}:PORT there`;
  const suffix = lower.startsWith("*.") ? domainName(lower.slice(2)) : undefined;
  if (suffix !== undefined) return { kind: "subdomains", name: suffix, port };
  const name = domainName(lower);
  if (name !== undefined) return { kind: "domain", name, port };
  return "a host is NAME.DOMAIN, *.NAME.DOMAIN, an IP address or a CIDR network, each with or without :PORT";
}

/** An IPv6 address or network without brackets has no port. */
function whole(item: string): string {
  return networkOf(item) === undefined ? item : `[${item}]`;
}

/** In CIDR form; undefined for what is no address and no network. */
function networkOf(text: string): string | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes("%")) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (prefix === undefined) return `${address}/${bits}`;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits ? `${address}/${Number(prefix)}` : undefined;
}

/** The address or network of IPv4 that is written in IPv6 (::ffff:0:0/96): connections to it are connections of IPv4. */
function mappedOf(cidr: string): string | undefined {
  const [address = "", prefix] = cidr.split("/");
  const bits = Number(prefix) - 96;
  if (isIP(address) !== 6 || bits < 0) return undefined;
  const [, high, low] = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${address}]`).hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const parts = [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff]);
  return bits === 32 ? parts.join(".") : `${parts.join(".")}/${bits}`;
}

function isLoopback(cidr: string): boolean {
  return cidr.startsWith("127.") || cidr === "::1/128";
}

function describeHost(host: AllowedHost): string {
  const port = host.port === undefined ? "" : `:${host.port}`;
  switch (host.kind) {
    case "domain":
      return `${host.name}${port}`;
    case "subdomains":
      return `*.${host.name}${port}`;
    case "machine":
      return `${machineName}${port}`;
    case "network": {
      const text = host.cidr.replace(/^([\d.]+)\/32$|^(.*:.*)\/128$/, "$1$2");
      return port === "" ? text : `${text.includes(":") ? `[${text}]` : text}${port}`;
    }
  }
}

function show(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
}
