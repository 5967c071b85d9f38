// One call, handed on to the node that it belongs to: its answer is told as that node has told it.

import { Failure } from "../failure.ts";
import type { CallAccount, CallContext } from "../mcp/tool-set.ts";
import type { Hearing, Peers } from "./peers/client.ts";
import { errorOf, type FinalLine, failureOf, type PeerCall } from "./peers/wire.ts";
import type { PeerAddress } from "./port.ts";
import type { Reach, Reached } from "./reach.ts";
import { RoomElsewhere } from "./waiting.ts";

/** Told of each call that was handed on. */
export type OnForwarded = (told: {
  /** The node that it was handed on to. */
  readonly node: string;
  /** The tool; `resources/read` and `tasks` for what is none. */
  readonly what: string;
  /** `answered`: by whatever answer. `unreachable`: it was not, or broke off. `canceled`: by its caller, before. */
  readonly outcome: "answered" | "declined" | "unreachable" | "canceled";
  readonly durationMs: number;
}) => void;

export class Declined extends Error {
  override readonly name = "Declined";
}

export type ForwardingOptions = {
  readonly peers: Peers;
  readonly reach: Reach;
  readonly monotonicMs: () => number;
  readonly onForwarded: OnForwarded;
};

export class Forwarding {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** The result as JSON has it. Rejects as `Reach.node`, and with what the other node rejects with. */
  async ask(
    nodeId: string,
    principal: string,
    call: PeerCall,
    hearing: Hearing,
    { account, patienceMs }: { readonly account?: CallAccount; readonly patienceMs?: number } = {},
  ): Promise<Reached<unknown>> {
    const send = (node: PeerAddress) => this.send(node, principal, call, hearing, account);
    try {
      return await this.#options.reach.node(nodeId, hearing.signal, send, patienceMs);
    } catch (error) {
      throw error instanceof Declined ? notTaken(nodeId) : error;
    }
  }

  /** The same of a node that is known, and is asked once. Rejects with PeerUnreachable, too. */
  async send(
    node: PeerAddress,
    principal: string,
    call: PeerCall,
    hearing: Hearing,
    account?: CallAccount,
  ): Promise<unknown> {
    const { peers, monotonicMs, onForwarded } = this.#options;
    const startedMs = monotonicMs();
    const what = nameOf(call);
    let outcome: Parameters<OnForwarded>[0]["outcome"] = "unreachable";
    try {
      const final = await peers.call(node, principal, call, hearing);
      outcome = "declined" in final ? "declined" : "answered";
      return told(final, node, account);
    } catch (error) {
      if (outcome === "unreachable" && hearing.signal.aborted) outcome = "canceled";
      throw error;
    } finally {
      onForwarded({ node: node.id, what, outcome, durationMs: monotonicMs() - startedMs });
    }
  }
}

export function hearingOf({ signal, progress }: CallContext): Hearing {
  return { signal, onProgress: progress };
}

function told(final: FinalLine, { id }: PeerAddress, account: CallAccount | undefined): unknown {
  if ("declined" in final) throw new Declined(`the node ${id} declines: ${final.declined}`);
  if ("moved" in final) throw new RoomElsewhere(final.moved);
  if ("unexpected" in final)
    throw new Error(`unexpected failure of the node ${id}, request id ${final.unexpected} there`);
  if (account !== undefined && final.account !== undefined) Object.assign(account, final.account);
  if ("error" in final) throw errorOf(final.error);
  if ("failure" in final) throw failureOf(final.failure);
  return final.result;
}

function nameOf(call: PeerCall): string {
  if (call.kind === "tool") return call.name;
  return call.kind === "resource" ? "resources/read" : "tasks";
}

/** It is of another version, and does not know what it was asked, or takes no calls of that size. */
function notTaken(nodeId: string): Failure {
  const what = `the node ${nodeId}, which this was handed on to, does not take it. Nothing was carried out.`;
  const advice = [
    "Ask the operator of this server to run the same version on all nodes, with the same --max-request-bytes.",
  ];
  return new Failure("connection", what, { context: { node: nodeId }, advice });
}
