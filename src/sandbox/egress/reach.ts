// The connection to what a sandbox asked for: the name is resolved here, once, and the very address that was judged is connected to.

import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { Clock } from "../../clock.ts";
import type { NetworkPolicy } from "../network.ts";
import type { OuterProxy } from "../outer-proxy.ts";
import { maxHeadBytes, type Reading } from "./opening.ts";
import { readBeginning } from "./reading.ts";
import type { Judge, Refusal, Verdict } from "./verdict.ts";

/** All addresses of a name, in the order to be tried. Rejects if it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export type Outside = {
  readonly resolve: Resolve;
  /** Keeps its side open when the other ends. */
  readonly connect: (address: string, port: number) => Socket;
  /** What this machine itself reaches the internet through; undefined: nothing. */
  readonly proxy?: OuterProxy | undefined;
  /** Of this machine, which no name may lead to. */
  readonly ownAddresses: () => readonly string[];
};

export type Reached =
  | { readonly kind: "reached"; readonly socket: Socket }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Allowed, but not there: `why` is the end of a sentence. */
  | { readonly kind: "failed"; readonly why: string };

export type ReachOptions = Outside & {
  readonly judge: Judge;
  readonly clock: Clock;
};

/** For a name's resolution, and for each of its addresses. Milliseconds. */
const resolveMs = 10_000;
const dialMs = 10_000;
/** How many addresses of a name are tried. */
const maxAddresses = 4;

const loopback = "127.0.0.1";

export const realOutside: Outside = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  connect: (address, port) => connect({ host: address, port, allowHalfOpen: true }),
  ownAddresses: () =>
    Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
};

/** Rejects with the signal's reason; nothing is left open then. */
export async function reach(
  verdict: Exclude<Verdict, { readonly kind: "refused" }>,
  port: number,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<Reached> {
  if (verdict.kind === "machine") {
    return await dialFirst([loopback], port, { ...options, proxy: undefined }, signal);
  }
  const { judge, ownAddresses, proxy } = options;
  const isNamed = verdict.kind === "name" && verdict.isNamed;
  // This machine may know no names of the internet then. Those that the policy has are that proxy's to resolve; others never are, as nobody would
  // judge their addresses.
  if (proxy !== undefined && verdict.kind === "name" && isNamed && !hasNetworks(judge.policy)) {
    return await dialFirst([verdict.name], port, options, signal);
  }
  const addresses = verdict.kind === "address" ? [verdict.address] : await resolved(verdict.name, options, signal);
  if (addresses === undefined) return { kind: "failed", why: "its name cannot be resolved" };
  const own = ownAddresses();
  const judged = addresses.map((address) => ({
    address,
    refusal: judge.judgeAddress({ address, port, isNamed }, own),
  }));
  const open = judged.filter(({ refusal }) => refusal === undefined).map(({ address }) => address);
  const [first] = judged;
  if (open.length === 0 && first?.refusal !== undefined) return { kind: "refused", refusal: first.refusal };
  const isOutside = open.every((address) => ["public", "unassigned"].includes(judge.kindOf(address)));
  const way = isOutside ? options : { ...options, proxy: undefined };
  return await dialFirst(open.slice(0, maxAddresses), port, way, signal);
}

function hasNetworks(policy: NetworkPolicy): boolean {
  return policy.kind === "allow" && policy.hosts.some(({ kind }) => kind === "network");
}

/** Undefined where there are none. A resolution cannot be given up: one that is late is left alone. */
async function resolved(
  name: string,
  { resolve, clock }: ReachOptions,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const done = new AbortController();
  const late = clock.sleep(resolveMs, AbortSignal.any([signal, done.signal])).catch(() => undefined);
  try {
    const found = await Promise.race([resolve(name).catch(() => undefined), late]);
    signal.throwIfAborted();
    return found === undefined || found.length === 0 ? undefined : found;
  } finally {
    done.abort();
  }
}

async function dialFirst(
  addresses: readonly string[],
  port: number,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<Reached> {
  let why = "it has no address";
  for (const address of addresses) {
    const dialed = await dial(address, port, options, signal);
    signal.throwIfAborted();
    if (typeof dialed !== "string") return { kind: "reached", socket: dialed };
    why = dialed;
  }
  return { kind: "failed", why };
}

/** Connected, or why not. */
async function dial(
  address: string,
  port: number,
  { connect: open, clock, proxy }: ReachOptions,
  signal: AbortSignal,
): Promise<Socket | string> {
  const done = new AbortController();
  const over = AbortSignal.any([signal, done.signal]);
  const socket = proxy === undefined ? open(address, port) : open(proxy.host, proxy.port);
  const connected = new Promise<string | undefined>((resolve) => {
    socket.once("connect", () => resolve(undefined));
    socket.on("error", (error) => resolve("code" in error ? `${error.code}` : "it cannot be reached"));
  });
  const ready = async () =>
    (await connected) ?? (proxy === undefined ? undefined : await openTunnel(socket, proxy, { address, port }, over));
  const late = clock.sleep(dialMs, over).then(
    () => `it did not answer within ${dialMs / 1000} s`,
    () => "it was given up",
  );
  try {
    const problem = await Promise.race([ready().catch(() => "the proxy of this server broke off"), late]);
    if (problem === undefined) return socket;
    socket.destroy();
    return problem;
  } finally {
    done.abort();
  }
}

/** Undefined once it is open; else why it is not. */
async function openTunnel(
  socket: Socket,
  { authorization }: OuterProxy,
  { address, port }: { readonly address: string; readonly port: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  const authority = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const more = authorization === undefined ? "" : `Proxy-Authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${more}\r\n`);
  const status = await readBeginning(socket, readStatus, { maxBytes: maxHeadBytes, signal });
  return status === 200 ? undefined : `the proxy of this server answers ${status ?? "nothing"}`;
}

function readStatus(bytes: Buffer): Reading<number> {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [, status = "0"] = /^HTTP\/1\.[01] (\d{3})/.exec(bytes.toString("latin1", 0, end)) ?? [];
  return { value: Number(status), used: end + 4 };
}
