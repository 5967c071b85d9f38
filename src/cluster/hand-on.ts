// HTTP requests that belong to another node, handed on as they are: files of its sessions, and event streams that it keeps.

import type { Clock } from "../clock.ts";
import { nodeHeader } from "../mcp/handed-on.ts";
import { sessionGone } from "./gone.ts";
import type { OwnTools } from "./own-tools.ts";
import type { Owners } from "./owners.ts";
import type { Peers } from "./peers/client.ts";
import { PeerUnreachable } from "./peers/unreachable.ts";
import { filesPath, streamPath } from "./peers/wire.ts";
import type { PeerAddress } from "./port.ts";
import type { Reach } from "./reach.ts";

export type HandOnOptions = {
  readonly own: OwnTools;
  readonly owners: Owners;
  readonly peers: Peers;
  readonly reach: Reach;
  readonly clock: Clock;
};

type File = {
  readonly sessionId: string;
  readonly principal: string;
  /** Path and query, as the client sent them. */
  readonly target: string;
  readonly request: Request;
};

/** For the file routes (`HandOn` of http/files/routes.ts). Throws, or rejects with, Failure. */
export function createFileHandOn({ own, owners, peers, reach, clock }: HandOnOptions) {
  return ({ sessionId, principal, target, request }: File): Promise<Response | undefined> | undefined => {
    const nodeId = owners.otherNodeOf(sessionId);
    if (nodeId !== undefined) return handOn(nodeId);
    own.mayServe();
    return undefined;

    async function handOn(nodeId: string): Promise<Response | undefined> {
      const { signal } = request;
      const send = async (node: PeerAddress) => {
        const hand = () => peers.hand(node, principal, filesPath, target, request);
        if (request.method !== "PUT") return await hand();
        // What a client sends can be read once: the node is there, or it is waited for, before.
        await peers.call(node, principal, { kind: "ping" }, { signal });
        return await hand().catch(asSent);
      };
      const reached = await reach.node(nodeId, signal, send);
      if (reached.kind === "gone") throw sessionGone(sessionId, reached, clock.now());
      // No node of this cluster has made the id: it is told as on one machine.
      if (reached.kind === "unknown") return undefined;
      reached.answer.headers.set(nodeHeader, reached.node.id);
      return reached.answer;
    }
  };
}

/** For event streams (`McpNode.resumeElsewhere` of mcp/node.ts). Undefined where the node is gone; rejects as `Reach.node`. */
export function createStreamHandOn({ peers, reach }: Pick<HandOnOptions, "peers" | "reach">) {
  return async (
    nodeId: string,
    request: Request,
    { principal }: { readonly principal: string },
  ): Promise<Response | undefined> => {
    const send = (node: PeerAddress) => peers.hand(node, principal, streamPath, "/mcp", request);
    const reached = await reach.node(nodeId, request.signal, send);
    return reached.kind === "answered" ? reached.answer : undefined;
  };
}

function asSent(error: unknown): never {
  if (!(error instanceof PeerUnreachable)) throw error;
  throw new PeerUnreachable(error.message, { wasSent: true, cause: error });
}
