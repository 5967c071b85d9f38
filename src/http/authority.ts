// Hosts as they stand in a Host header, an origin or an option, and which of them mean this machine.
// Compared as text in one canonical form; nothing is resolved, because an attacker may own the name's DNS.

import { isIPv4, isIPv6 } from "node:net";

export type Authority = {
  /** Lower case; an IPv6 address shortest and in brackets. */
  readonly host: string;
  readonly port?: number;
};

/** `host[:port]` of RFC 9110 section 7.2, read strictly: undefined for userinfo, paths, lists, empty ports, zone ids. */
export function parseAuthority(text: string): Authority | undefined {
  const [, name, digits] = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255})(?::([0-9]{1,5}))?$/i.exec(text) ?? [];
  const host = name === undefined ? undefined : canonicalHost(name);
  if (host === undefined) return undefined;
  if (digits === undefined) return { host };
  const port = Number(digits);
  return port <= 65_535 ? { host, port } : undefined;
}

/** `host` is canonical, or a host option (an IPv6 address without brackets). */
export function isLoopback(host: string): boolean {
  // Neither "localhost." nor an IPv4-mapped address: no client of ours needs them, and each is one more spelling to get wrong.
  return host === "localhost" || host === "[::1]" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function canonicalHost(name: string): string | undefined {
  if (!name.startsWith("[")) return name.toLowerCase();
  return isIPv6(name.slice(1, -1)) ? URL.parse(`http://${name}/`)?.hostname : undefined;
}
