// Where the registry is, as the operator writes it: one server, one that Sentinels know, or a Redis Cluster.

type HostAndPort = { readonly host: string; readonly port: number };

export type RegistryAddress = {
  readonly kind: "server" | "sentinel" | "cluster";
  /** At least one; of a `server`, exactly one. */
  readonly hosts: readonly [HostAndPort, ...HostAndPort[]];
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** What the Sentinels call the server. */
  readonly group: string;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
};

/** What an address may look like, for messages. */
export const registryUrlRule =
  "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST…/GROUP[/DATABASE] or " +
  "redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST…; with rediss in place of redis for TLS";

const shape = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)((?:\/[^?#]*)?)(?:\?([^#]*))?$/i;
const queryNames = ["sentinel-username", "sentinel-password"];

/** What it says, or what is wrong with it; its password is never in the answer's text. */
export function parseRegistryUrl(url: string): RegistryAddress | { readonly problem: string } {
  const [, scheme = "", way, credentials = "", places = "", path = "", query = ""] = shape.exec(url) ?? [];
  // Part of a password would be taken for a host, and shown.
  if (`${path}${query}`.includes("@")) return { problem: "the user or the password is not percent-encoded" };
  if (places === "") return { problem: "it is not of that form" };
  const kind = kindOf(way?.toLowerCase());
  const hosts: HostAndPort[] = [];
  for (const text of places.split(",")) {
    const host = hostAndPort(text, kind === "sentinel" ? 26_379 : 6379);
    if (host === undefined) return { problem: `"${text}" is not a host, or a host and a port` };
    hosts.push(host);
  }
  const [first, ...others] = hosts;
  if (first === undefined || (kind === "server" && others.length > 0)) {
    return { problem: "several hosts are for redis+sentinel:// and redis+cluster:// only" };
  }
  const segments = path.split("/").filter((segment) => segment !== "");
  const group = kind === "sentinel" ? segments.shift() : "";
  if (group === undefined)
    return { problem: "the name of the group that the Sentinels watch is missing behind the hosts" };
  const [databaseText = "0", ...rest] = segments;
  if (!/^\d{1,5}$/.test(databaseText) || rest.length > 0) return { problem: `"${path}" names no database` };
  if (kind === "cluster" && segments.length > 0) return { problem: "a Redis Cluster has no numbered databases" };
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => !queryNames.includes(name));
  if (unknown !== undefined) return { problem: `"${unknown}" is no parameter; ${queryNames.join(" and ")} are` };
  const [username, password] = userAndPassword(credentials);
  if (username === null || password === null) return { problem: "the user or the password is not percent-encoded" };
  return {
    kind,
    hosts: [first, ...others],
    isTls: scheme.toLowerCase() === "rediss",
    username,
    password,
    database: Number(databaseText),
    group,
    sentinelUsername: parameters.get("sentinel-username") ?? undefined,
    sentinelPassword: parameters.get("sentinel-password") ?? undefined,
  };
}

/** The address without anything secret, for people. */
export function shownAddress({ kind, hosts, isTls, group }: RegistryAddress): string {
  const scheme = `redis${isTls ? "s" : ""}${kind === "server" ? "" : `+${kind}`}`;
  const places = hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join();
  return `${scheme}://${places}${group === "" ? "" : `/${group}`}`;
}

function kindOf(way: string | undefined): RegistryAddress["kind"] {
  return way === "sentinel" || way === "cluster" ? way : "server";
}

function hostAndPort(text: string, defaultPort: number): HostAndPort | undefined {
  const [, inBrackets, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = inBrackets ?? name;
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { host, port: port === undefined ? defaultPort : Number(port) };
}

/** "USER:PASSWORD", ":PASSWORD" or "USER"; null for one that is not percent-encoded. */
function userAndPassword(text: string): readonly (string | undefined | null)[] {
  const colon = text.indexOf(":");
  const user = colon < 0 ? text : text.slice(0, colon);
  const password = colon < 0 ? "" : text.slice(colon + 1);
  return [user, password].map((part) => {
    if (part === "") return undefined;
    try {
      return decodeURIComponent(part);
    } catch {
      return null;
    }
  });
}
