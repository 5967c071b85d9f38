// Where a new session is opened: on the node that the registry places it on, or here where that cannot be asked and the operator wants it so.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { CallContext, ToolAnswer } from "../mcp/tool-set.ts";
import { Declined, type Forwarding, hearingOf } from "./forwarding.ts";
import type { Named } from "./named.ts";
import type { OwnTools } from "./own-tools.ts";
import { PeerUnreachable } from "./peers/unreachable.ts";
import type { PeerCall } from "./peers/wire.ts";
import { type NewSession, type Placement, type Registry, RegistryUnreachable, type Standing } from "./port.ts";
import { type SessionDefaults, sessionsAsked } from "./session-asked.ts";
import { RoomElsewhere } from "./waiting.ts";

export type PlacingOptions = SessionDefaults & {
  readonly registry: Pick<Registry, "place" | "giveBack">;
  /** This node's id. */
  readonly self: string;
  readonly standing: () => Standing;
  /** Whether this node takes no new sessions, which the registry may not know yet. */
  readonly isDraining: () => boolean;
  /** What becomes of new sessions while the registry cannot be asked (`--cluster-partition`). */
  readonly partition: "serve" | "refuse";
  readonly clock: Clock;
};

export type Opened = {
  readonly answer: ToolAnswer;
  /** Undefined: this one. */
  readonly node: string | undefined;
};

/** A call of a tool that opens a session. Rejects as `ToolSet.call`, and with Failure `connection`. */
export type Place = (name: string, args: unknown, named: Named, context: CallContext) => Promise<Opened>;

/** Nodes that are tried before the session is opened here. */
const maxTries = 3;
/** How often one that waits for room may go on to another node that has some. */
const maxMoves = 8;

export function createPlacing(options: PlacingOptions, own: OwnTools, forwarding: Forwarding): Place {
  const { registry, self, standing, isDraining } = options;
  const sessionOf = sessionsAsked(options);

  return async (name, args, named, context) => {
    for (let tries = 0; tries <= maxTries; tries++) {
      // What no other node has taken is opened here, and is counted like all others.
      const only = tries < maxTries ? undefined : self;
      let placement = await placeOf({ ...sessionOf(named, context.principal), node: only });
      for (let moves = 0; placement !== undefined && moves <= maxMoves; moves++) {
        const opened = await openAt(placement, moves < maxMoves, name, args, context);
        if (opened !== undefined && "answer" in opened) return opened;
        if (opened === undefined) {
          registry.giveBack(placement.reservation).catch(() => undefined);
          break;
        }
        // Held for it on a node that has room by now.
        placement = opened;
      }
      if (placement === undefined) break;
    }
    return { answer: await own.call(name, args, context), node: undefined };
  };

  /** Undefined: that node takes no new sessions, or is not there. Nothing was begun, as where another placement is the answer. */
  async function openAt(
    { node, reservation, elsewhere: { sessions, memoryMib } }: Placement,
    mayMove: boolean,
    name: string,
    args: unknown,
    context: CallContext,
  ): Promise<Opened | Placement | undefined> {
    const placed = { reservation, elsewhere: sessions, elsewhereMemoryMib: memoryMib, mayMove };
    const { principal, audience, takesLinks, mayBecomeTask, account } = context;
    const call: PeerCall = { kind: "tool", name, args, audience, takesLinks, mayBecomeTask, placed };
    try {
      if (node.id === self) {
        return isDraining() ? undefined : { answer: await own.call(name, args, context, placed), node: undefined };
      }
      const answer = await forwarding.send(node, principal, call, hearingOf(context), account);
      return { answer: answer as ToolAnswer, node: node.id };
    } catch (error) {
      if (error instanceof RoomElsewhere) return error.placement;
      if (error instanceof Declined) return undefined;
      if (!(error instanceof PeerUnreachable)) throw error;
      if (error.wasSent) throw brokenOff(node.id, error);
      return undefined;
    }
  }

  /** Undefined: it is opened here, if at all. */
  async function placeOf(session: NewSession): Promise<Placement | undefined> {
    if (standing() === "unreachable") return unasked();
    try {
      return await registry.place(session);
    } catch (error) {
      if (!(error instanceof RegistryUnreachable)) throw error;
      return unasked(error);
    }
  }

  function unasked(cause?: RegistryUnreachable): undefined {
    if (options.partition === "serve") return undefined;
    const what = "the registry of the cluster cannot be reached, and new sessions are refused without it.";
    const advice = [
      "Try again in some seconds, or use a session that you have.",
      "The operator can have them served by each node with --cluster-partition serve.",
    ];
    throw new Failure("connection", what, { advice, cause });
  }
}

function brokenOff(nodeId: string, cause: PeerUnreachable): Failure {
  const what = `the node ${nodeId}, on which a new session was being opened, broke off. Whether your call was carried out is not known.`;
  const advice = ["Look with get_sessions before you repeat it."];
  return new Failure("connection", what, { context: { node: nodeId }, advice, cause });
}
