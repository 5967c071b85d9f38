// What is done to the cluster while it is under load, when, and which errors that explains. Anything else that a client is told is a fault.

import { leaseMs } from "../../../src/cluster/port.ts";
import type { Excuse } from "../client.ts";
import type { Life } from "../slot.ts";
import { noAnswer } from "../ways.ts";
import type { Network } from "./network.ts";
import type { LoadedNode } from "./node.ts";
import type { LoadedRegistry } from "./registry.ts";
import type { Stall } from "./stalls.ts";

export const disturbanceKinds = [
  "kill",
  "roll",
  "registry-kill",
  "registry-pause",
  "registry-flush",
  "cut-registry",
  "cut-peers",
] as const;
export type DisturbanceKind = (typeof disturbanceKinds)[number];

/** Those that need a network in which parts can be cut off. */
export const cuts: ReadonlySet<DisturbanceKind> = new Set(["cut-registry", "cut-peers"]);

/** What is asked of a node and of the registry here. */
type Disturbed = Pick<LoadedNode, "name" | "spot" | "owns" | "kill" | "startAgain">;
export type Parts = {
  readonly nodes: readonly Disturbed[];
  readonly network: Pick<Network, "cut" | "mend">;
  readonly registry: Pick<LoadedRegistry, "spot" | "kill" | "startAgain" | "pause" | "goOn" | "flush">;
};

type Episode = {
  readonly kind: DisturbanceKind;
  readonly node: Disturbed | undefined;
  readonly fromMs: number;
  untilMs: number;
};

/** From one disturbance to the next. */
export const usualEveryMs = 20_000;
const registryAwayMs = 10_000;
/** By turns: shorter than a lease, and longer. */
const cutMs = [10_000, 25_000] as const;
/** By turns: back before its lease is over, and long after. */
const nodeAwayMs = [500, 15_000, 25_000] as const;
/** Balancers and peers may take so long to find out that all is well again. */
const recoveryMs = 5000;

/** What a caller is told when the owner of a session went away, or cannot be reached, while its call was on. */
const brokenOff: readonly string[] = ["CONNECTION_ERROR", "CODE_EXECUTION_ERROR", "COMMAND_EXECUTION_ERROR"];
const goneCodes: readonly string[] = ["SESSION_NOT_FOUND", "EXECUTION_NOT_FOUND"];
const cancelled = "JSON-RPC -32800";
const notOpened: readonly string[] = [...brokenOff, "SANDBOX_CREATION_ERROR"];

export class Disturbances {
  readonly #parts: Parts;
  readonly #kinds: readonly DisturbanceKind[];
  readonly #everyMs: number;
  readonly #episodes: Episode[] = [];
  readonly #stalls: Stall[] = [];

  constructor(parts: Parts, kinds: readonly DisturbanceKind[], everyMs: number) {
    this.#parts = parts;
    this.#kinds = kinds;
    this.#everyMs = everyMs;
  }

  get told(): readonly string[] {
    const at = (what: string, { fromMs, untilMs }: Stall) => {
      const shown = [fromMs, untilMs].map((ms) => (ms / 1000).toFixed(1));
      return `${what} from ${shown[0]} s to ${shown[1]} s`;
    };
    return [
      ...this.#episodes.map((one) => at(`${one.kind}${one.node === undefined ? "" : ` of ${one.node.name}`}`, one)),
      ...this.#stalls.map((stall) => at("the machine stood still", stall)),
    ];
  }

  /** All stood still, nodes and registry with it. */
  stalled(stall: Stall): void {
    this.#stalls.push(stall);
  }

  /** One after the other, each kind and each node in turn, until there is no more load. */
  async run(end: AbortSignal): Promise<void> {
    for (let turn = 0; this.#kinds.length > 0; turn++) {
      await waited(this.#everyMs, end);
      if (end.aborted) return;
      const kind = this.#kinds[turn % this.#kinds.length];
      const round = Math.floor(turn / this.#kinds.length);
      const node = this.#parts.nodes[round % this.#parts.nodes.length];
      if (kind === undefined || node === undefined) return;
      const isOfNode = !kind.startsWith("registry");
      const episode: Episode = {
        kind,
        node: isOfNode ? node : undefined,
        fromMs: performance.now(),
        untilMs: Number.POSITIVE_INFINITY,
      };
      this.#episodes.push(episode);
      // Made good in any case, also at the end of the load.
      await this.#disturb(kind, node, round, end);
      episode.untilMs = performance.now() + recoveryMs;
    }
  }

  async #disturb(kind: DisturbanceKind, node: Disturbed, round: number, end: AbortSignal): Promise<void> {
    const { registry, network, nodes } = this.#parts;
    const others = nodes.filter((other) => other !== node);
    switch (kind) {
      case "kill":
        await node.kill("SIGKILL");
        await waited(nodeAwayMs[round % nodeAwayMs.length] ?? 0, end);
        return await node.startAgain();
      case "roll":
        await node.kill("SIGTERM");
        return await node.startAgain();
      case "registry-kill":
        await registry.kill();
        await waited(registryAwayMs, end);
        return await registry.startAgain();
      case "registry-pause":
        registry.pause();
        await waited(registryAwayMs, end);
        return registry.goOn();
      case "registry-flush":
        return await registry.flush();
      case "cut-registry":
      case "cut-peers":
        await network.cut(node.spot, kind === "cut-registry" ? [registry.spot] : others.map(({ spot }) => spot));
        await waited(cutMs[round % 2] ?? 0, end);
        return await network.mend();
    }
  }

  /** A node that was killed or rolled has lost what it had; one that is away or cut off answers nobody; all else goes on. */
  readonly excuse: Excuse = ({ code, reason }, life, askedMs) => {
    const isBroken = code === noAnswer || code.startsWith("HTTP 50");
    for (const { kind, node, untilMs } of this.#episodes) {
      if (node === undefined) continue;
      const isOwner = life !== undefined && node.owns(life.id);
      const isOn = askedMs <= untilMs;
      const ends = kind === "kill" || kind === "roll";
      if (ends && isOwner && life.openedMs <= untilMs) {
        if (goneCodes.includes(code) && (reason === "lost" || reason === "shutdown")) return "lost";
        if (isOn && (code === "CANCELED" || brokenOff.includes(code))) return "uncertain";
      }
      if (!isOn) continue;
      if (kind === "kill" && (isBroken || (life === undefined && notOpened.includes(code)))) return "uncertain";
      // What runs on a node that is to stop has ten seconds, and is told then that the node stops.
      if (kind === "roll" && (code === cancelled || code.startsWith("HTTP 50"))) return "uncertain";
      if (kind === "cut-peers" && (brokenOff.includes(code) || code.startsWith("HTTP 50"))) return "uncertain";
    }
    return this.#excuseByStall(code, reason, isBroken, life, askedMs);
  };

  /** Connections may have been given up meanwhile; and leases were over, if it was long. */
  #excuseByStall(code: string, reason: string, isBroken: boolean, life: Life | undefined, askedMs: number) {
    for (const { fromMs, untilMs } of this.#stalls) {
      const isLost = goneCodes.includes(code) && reason === "lost";
      if (isLost && untilMs - fromMs >= leaseMs / 2 && life !== undefined && life.openedMs <= untilMs) return "lost";
      const isOn = askedMs <= untilMs + recoveryMs;
      if (isOn && (isBroken || notOpened.includes(code))) return "uncertain";
    }
    return undefined;
  }
}

function waited(ms: number, end: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  end.addEventListener("abort", () => over.resolve(), { once: true });
  if (end.aborted) over.resolve();
  return over.promise.finally(() => clearTimeout(timer));
}
