// Where the parts of a cluster under load are. All on 127.0.0.1; or each in a network namespace at the end of a cable of its own, so that one can be cut off
// from others as a network does it: what is sent is lost, nobody is told, and connections stay.

import { mkdir } from "node:fs/promises";

export type Spot = {
  readonly host: string;
  /** What a program is started with to be there. */
  readonly enter: readonly string[];
};

export interface Network {
  readonly registry: Spot;
  readonly nodes: readonly Spot[];
  /** From now on, what is sent between the one and the others is lost. */
  cut(one: Spot, others: readonly Spot[]): Promise<void>;
  /** Nothing is lost any more. */
  mend(): Promise<void>;
}

/** Nothing can be cut off in it. */
export function oneHost(nodes: number): Network {
  const spot: Spot = { host: "127.0.0.1", enter: [] };
  return {
    registry: spot,
    nodes: Array.from({ length: nodes }, () => spot),
    cut: () => Promise.reject(new Error("nothing can be cut off on one host")),
    mend: () => Promise.resolve(),
  };
}

/** Starts a program in a network and with mounts of its own, which end with it. Requires root. */
export const ownNetworkArgv = ["unshare", "--net", "--mount", "--"] as const;

const switchName = "hub";
const cable = "eth0";
/** Of nobody: a switch takes frames for it everywhere, and no one keeps them. */
const nobody = "02:00:00:00:00:ff";
/** Addresses for the measurement of networks, which are nobody's (RFC 2544). */
const addressOf = (last: number) => `198.18.0.${last}`;
const firstNode = 11;

/** Requires root, iproute2, and a start by `ownNetworkArgv`: the process itself is at the switch. */
export async function layCables(nodes: number): Promise<Network> {
  await mkdir("/run/netns", { recursive: true });
  await done("mount", "-t", "tmpfs", "tmpfs", "/run/netns");
  await ip("link", "set", "lo", "up");
  await ip("link", "add", switchName, "type", "bridge");
  await ip("address", "add", `${addressOf(1)}/24`, "dev", switchName);
  await ip("link", "set", switchName, "up");
  const registry = await laidTo("registry", addressOf(2));
  const spots: Spot[] = [];
  for (let index = 0; index < nodes; index++) {
    spots.push(await laidTo(`node-${index + 1}`, addressOf(firstNode + index)));
  }
  const nameOf = new Map([registry, ...spots].map((spot, index) => [spot, index === 0 ? "registry" : `node-${index}`]));
  const lost: (readonly [string, string])[] = [];
  return {
    registry,
    nodes: spots,
    async cut(one, others) {
      for (const other of others) {
        for (const [from, to] of [[one, other] as const, [other, one] as const]) {
          const way = [nameOf.get(from) ?? "", to.host] as const;
          lost.push(way);
          await ip("-n", way[0], "neighbour", "replace", way[1], "lladdr", nobody, "dev", cable, "nud", "permanent");
        }
      }
    },
    async mend() {
      for (const [name, host] of lost.splice(0)) await ip("-n", name, "neighbour", "del", host, "dev", cable);
    },
  };
}

async function laidTo(name: string, address: string): Promise<Spot> {
  const port = `to-${name}`;
  await ip("netns", "add", name);
  await ip("link", "add", port, "type", "veth", "peer", "name", cable, "netns", name);
  await ip("link", "set", port, "master", switchName, "up");
  await ip("-n", name, "link", "set", "lo", "up");
  await ip("-n", name, "address", "add", `${address}/24`, "dev", cable);
  await ip("-n", name, "link", "set", cable, "up");
  return { host: address, enter: ["nsenter", `--net=/run/netns/${name}`, "--"] };
}

function ip(...args: readonly string[]): Promise<void> {
  return done("ip", ...args);
}

async function done(...argv: readonly string[]): Promise<void> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [errors, status] = await Promise.all([child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${argv.join(" ")} has failed (${status}): ${errors.trim()}`);
}
