// The world of a walk over several nodes: time, ways, the registry and the nodes on it.

import { leaseMs, type Registry } from "../../../src/cluster/port.ts";
import { openRegistry } from "../../../src/cluster/registry/open.ts";
import { scripts } from "../../../src/cluster/registry/scripts.ts";
import type { Random } from "../random.ts";
import { Book } from "./book.ts";
import { NodeClock, WorldTime } from "./clocks.ts";
import { clusterName, ModelNode, restMs } from "./model-node.ts";
import { ModelRegistry } from "./model-registry.ts";
import { Net } from "./net.ts";

export type WalkedOptions = {
  readonly registryPort: number;
  readonly nodes: number;
  readonly partition: "serve" | "refuse";
  readonly survives: boolean;
};

export class Walked implements AsyncDisposable {
  readonly net: Net;
  readonly registry: ModelRegistry;
  readonly nodes: readonly ModelNode[];
  readonly book: Book;
  readonly beganMs: number;
  readonly options: WalkedOptions;
  /** An operator's way to the registry. */
  readonly operator: Registry;
  /** More than its limit may be there of a principal: see limits.ts. */
  isExcessAdmitted = false;
  readonly #random: Random;

  private constructor(options: WalkedOptions, random: Random, net: Net, registry: ModelRegistry, operator: Registry) {
    this.options = options;
    this.net = net;
    this.registry = registry;
    this.operator = operator;
    this.#random = random;
    this.beganMs = net.time.nowMs;
    this.book = new Book(net.time);
    const { partition, survives } = options;
    const watching = {
      onRun: this.book.ran.bind(this.book),
      onServed: this.book.served.bind(this.book),
    };
    this.nodes = ["a", "b", "c", "d"]
      .slice(0, options.nodes)
      .map((name) => new ModelNode({ name, net, registry, partition, survives, watching }));
    registry.onCarriedOut = ({ source }, args, answer) => {
      if (source !== scripts.register.source || !Array.isArray(answer) || answer[0] !== "epoch") return;
      const { id } = JSON.parse(String(args[1])) as { readonly id: string };
      this.book.registered(id, Number(answer[1]));
    };
  }

  static async open(options: WalkedOptions, random: Random): Promise<Walked> {
    const net = new Net(new WorldTime());
    const registry = new ModelRegistry(options.registryPort, net, random);
    await registry.flush();
    const clock = new NodeClock(net.time, 1, 0);
    const place = { host: "operator", clock, gone: new AbortController().signal };
    const url = "redis://walk";
    const connectTo = registry.connectTo(place, () => undefined);
    const operator = await openRegistry({ url, name: clusterName, leaseMs, clock }, connectTo);
    return new Walked(options, random, net, registry, operator);
  }

  start(node: ModelNode): void {
    const random = this.#random;
    // What it takes up was out of the count by now, and others may have its places.
    const isOut = node.wasLost || this.net.time.nowMs - node.goneMs > leaseMs / 2;
    if (this.options.survives && isOut) this.isExcessAdmitted = true;
    const wrongMs = random.pick([0, 0, -60_000, 60_000]);
    node.start(random.pick([0.97, 1, 1, 1.03]), wrongMs).catch((error: unknown) => {
      // A node that stands still keeps its lease; another process of its own may have it yet.
      this.book.count(`start: ${String(error).slice(0, 60)}`);
    });
  }

  /** The registry loses what it has. */
  async empty(lose: () => Promise<void>): Promise<void> {
    await lose();
    this.book.emptiedMs = this.net.time.nowMs;
    this.isExcessAdmitted = true;
  }

  /** With all ways open and all nodes there, until everything has come to its end. */
  async rest(): Promise<void> {
    const { time } = this.net;
    for (let passed = 0; passed < restMs; passed += 10_000) {
      for (const node of this.nodes) if (node.life === undefined) this.start(node);
      if (passed === 20_000) for (const { id } of this.nodes) void this.operator.requestDrain(id, false);
      await time.pass(10_000);
    }
  }

  /** What the registry has under a key of the cluster. */
  async stored(command: string, key: string): Promise<unknown> {
    return await this.registry.command(command, `{msb-mcp:${clusterName}}:${key}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    this.registry[Symbol.dispose]();
  }
}
