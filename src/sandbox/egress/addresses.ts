// What kind of place an IP address is, by the registries of special addresses of IANA and what clouds have made of some. A policy says which
// kinds it lets through (verdict.ts).

import { BlockList, isIP } from "node:net";

export type AddressKind =
  /** Of the internet. */
  | "public"
  /** Nobody's: for documents and measurements. What stands between a machine and its registries may have such an address. */
  | "unassigned"
  /** Of a network that is somebody's own: private, shared by a provider's customers, unique local. */
  | "private"
  /** Of the link, where clouds tell a machine about itself, its keys included. */
  | "metadata"
  /** This machine itself, everybody on a link, or another address in disguise. */
  | "unreachable";

/** The first that holds an address says what it is. */
const networks: readonly (readonly [Exclude<AddressKind, "public">, readonly string[]])[] = [
  [
    "unreachable",
    [
      ...["0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4"],
      // Addresses of IPv4 in IPv6: compatible, mapped, translated, NAT64, Teredo (and other protocols' own), 6to4.
      ...["::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16"],
      ...["100::/64", "5f00::/16", "ff00::/8"],
    ],
  ],
  // The last three are those of Azure, Alibaba Cloud and, in IPv6, AWS.
  ["metadata", ["169.254.0.0/16", "fe80::/10", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"]],
  ["unassigned", ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32", "3fff::/20"]],
];

/** All of IPv6 that is given to anybody. */
const globalUnicast = "2000::/3";

export type KindOf = (address: string) => AddressKind;

/** For addresses as `isIP` takes them. */
export function createKindOf(): KindOf {
  // One family a list: a list takes an address of IPv4 for the mapped one in IPv6, too.
  const lists = (["ipv4", "ipv6"] as const).flatMap((family) =>
    networks.map(([kind, cidrs]) => {
      const own = cidrs.filter((cidr) => familyOf(cidr.split("/")[0] ?? "") === family);
      return { family, kind, list: listOf(own) };
    }),
  );
  const global = listOf([globalUnicast]);
  return (address) => {
    const family = familyOf(address);
    if (family === undefined) return "unreachable";
    const special = lists.find((one) => one.family === family && one.list.check(address, family));
    if (special !== undefined) return special.kind;
    return family === "ipv4" || global.check(address, family) ? "public" : "unreachable";
  };
}

/** Is an address in one of these networks, which are in CIDR form? */
export function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", prefix = ""] = cidr.split("/");
    list.addSubnet(address, Number(prefix), familyOf(address) ?? "ipv4");
  }
  return list;
}

/** Undefined for what is no address, or has a zone. */
export function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}
