// A sandbox's way out: the proxy that its loopback leads to, one for each sandbox, and what one sandbox may have of it.

import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { NetworkPolicy } from "../network.ts";
import { type ConnectionOptions, type Direction, serveConnection } from "./connection.ts";
import type { Outside } from "./reach.ts";
import { Refusals } from "./refusals.ts";
import { createJudge, type Judge, type Refusal, type Target } from "./verdict.ts";

export type GatewayOptions = {
  readonly policy: NetworkPolicy;
  readonly outside: Outside;
  readonly clock: Clock;
  /** A new descriptor of the listening socket, each time; the socket itself stays the caller's. */
  readonly listener: () => number;
  readonly limits?: GatewayLimits;
  readonly emit: (event: GatewayEvent) => void;
};

export type GatewayEvent =
  | { readonly type: "refused"; readonly target: Target | undefined; readonly refusal: Refusal }
  /** A connection that reached its host is over. */
  | {
      readonly type: "closed";
      readonly target: Target;
      readonly bytes: Readonly<Record<Direction, number>>;
      readonly durationMs: number;
    };

export type GatewayLimits = {
  /** At once; one that comes beside them is closed. */
  readonly connections: number;
  /** New ones at a time, and so many a second from then on; others wait with the kernel. */
  readonly burst: number;
  readonly perSecond: number;
  /** In both directions together, each second, and in all. */
  readonly bytesPerSecond: number;
  readonly bytes: number;
};

export const gatewayLimits: GatewayLimits = {
  ...{ connections: 64, burst: 256, perSecond: 32 },
  ...{ bytesPerSecond: 64 * 1024 ** 2, bytes: 64 * 1024 ** 3 },
};

/** How long no connection is taken once there were too many. Milliseconds. */
const pauseMs = 1_000;

/** Rejects if nothing can be listened to. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new Gateway(options);
  await gateway.listen();
  return gateway;
}

export class Gateway implements AsyncDisposable {
  readonly refusals: Refusals;
  readonly #options: GatewayOptions;
  readonly #limits: GatewayLimits;
  readonly #judge: Judge;
  readonly #end = new AbortController();
  readonly #connections = new Set<Promise<void>>();
  #server: Server | undefined;
  /** Connections that may still be taken, and when that was counted. */
  #tokens: number;
  #countedMs: number;
  /** Until when the bytes that have passed have used up. Milliseconds of the clock. */
  #paidUntilMs = 0;
  #bytes = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#limits = options.limits ?? gatewayLimits;
    this.refusals = new Refusals(options.policy);
    this.#judge = createJudge(options.policy);
    this.#tokens = this.#limits.burst;
    this.#countedMs = options.clock.monotonicMs();
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.#take(client));
    const fd = this.#options.listener();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd }, () => resolve());
    });
    server.on("error", () => undefined);
    this.#server = server;
    if (this.#end.signal.aborted) server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Error("the sandbox ends"));
    this.#server?.close();
    await Promise.all(this.#connections);
  }

  #take(client: Socket): void {
    const { connections, burst, perSecond } = this.#limits;
    const nowMs = this.#options.clock.monotonicMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#countedMs) / 1000) * perSecond) - 1;
    this.#countedMs = nowMs;
    if (this.#tokens < 1) this.#pause();
    if (this.#end.signal.aborted || this.#connections.size >= connections) {
      if (!this.#end.signal.aborted) this.#refuse(undefined, tooMany(connections));
      client.on("error", () => undefined);
      client.destroy();
      return;
    }
    const served = this.#serve(client).finally(() => this.#connections.delete(served));
    this.#connections.add(served);
  }

  async #serve(client: Socket): Promise<void> {
    const { outside, clock, emit } = this.#options;
    const bytes: Record<Direction, number> = { sent: 0, received: 0 };
    let target: Target | undefined;
    let beganMs = 0;
    const options: ConnectionOptions = {
      ...{ ...outside, clock, judge: this.#judge, signal: this.#end.signal },
      onRefused: (asked, refusal) => this.#refuse(asked, refusal),
      onReached: (reached) => {
        target = reached;
        beganMs = clock.monotonicMs();
      },
      onBytes: (direction, count) => {
        bytes[direction] += count;
        return this.#spend(count);
      },
    };
    await serveConnection(client, options);
    if (target !== undefined) emit({ type: "closed", target, bytes, durationMs: clock.monotonicMs() - beganMs });
  }

  #refuse(target: Target | undefined, refusal: Refusal): string {
    this.#options.emit({ type: "refused", target, refusal });
    return this.refusals.add(target, refusal);
  }

  /** How long what comes next has to wait; null: nothing comes any more. */
  #spend(count: number): number | null {
    const { bytes, bytesPerSecond } = this.#limits;
    this.#bytes += count;
    if (this.#bytes > bytes) {
      this.#refuse(undefined, {
        rule: "limit",
        why: `this sandbox has used the ${bytes} bytes that it may send and receive`,
      });
      return null;
    }
    const nowMs = this.#options.clock.monotonicMs();
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + (count / bytesPerSecond) * 1000;
    const aheadMs = this.#paidUntilMs - nowMs;
    // A timer for each piece would be slower than what is allowed.
    return aheadMs < pauseMs / 10 ? 0 : aheadMs;
  }

  /** The kernel keeps a few waiting meanwhile, and lets others try again: nobody else's turn is spent on them. */
  #pause(): void {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    const { perSecond } = this.#limits;
    this.#refuse(undefined, {
      rule: "limit",
      why: `there are more than ${perSecond} new connections a second, so others wait`,
    });
    void this.#reopen();
  }

  /** However often it takes: there may be no descriptor just now. */
  async #reopen(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#end.signal.aborted && this.#server === undefined) {
      try {
        await clock.sleep(pauseMs, this.#end.signal);
        await this.listen();
      } catch {
        // The sandbox ends, or the next try may do.
      }
    }
  }
}

function tooMany(limit: number): Refusal {
  return { rule: "limit", why: `this sandbox has ${limit} connections, as many as it may have at once` };
}
