// This node's way to the others: each request with its proof, and no answer believed without one.

import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { PeerAddress, Renewal, Renewing } from "../port.ts";
import { handOver } from "./hand-over.ts";
import { Lines } from "./lines.ts";
import { createPosts } from "./post.ts";
import type { Posts } from "./posting.ts";
import { type Claims, hashOf, isProven, proofHeader, signRequest } from "./proof.ts";
import type { PeerTls } from "./tls.ts";
import { PeerUnreachable } from "./unreachable.ts";
import { type AnswerLine, callPath, type FinalLine, type PeerCall, type RenewAnswer, renewPath } from "./wire.ts";

export type PeersOptions = {
  /** This node's id. */
  readonly self: string;
  /** `ClusterKeys.proofKey`. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  /** Of nodes at https:// addresses; default: what this machine trusts, and nothing shown. */
  readonly tls?: PeerTls | undefined;
};

export type Hearing = {
  readonly signal: AbortSignal;
  readonly onProgress?: (text: string) => void;
};

export interface Peers extends Disposable {
  /** Rejects with PeerUnreachable, and with the signal's reason. The other node stops what it does for it once nobody waits for it. */
  call(node: PeerAddress, principal: string, call: PeerCall, hearing: Hearing): Promise<FinalLine>;
  /** Has another node hand on a heartbeat. Rejects as `call`. */
  renew(node: PeerAddress, renewing: Renewing, signal: AbortSignal): Promise<Renewal | "registry-unreachable">;
  /**
   * Hands an HTTP request on, whole, and resolves with its answer's head; both bodies go on. `path` is a path of wire.ts, `target` what the client asked
   * for. Rejects as `call`.
   */
  hand(node: PeerAddress, principal: string, path: string, target: string, request: Request): Promise<Response>;
}

/** Calls on their way to all nodes. */
const maxOnTheWay = 4096;

/** `posts`: how what is asked gets there. */
export function createPeers({ self, key, clock, tls }: PeersOptions, posts: Posts = createPosts(clock, tls)): Peers {
  const instance = randomBytes(16).toString("hex");
  let count = 0;
  let onTheWay = 0;

  const claim = ({ id, epoch }: PeerAddress, principal: string, bodyHash: string | null): Claims => {
    count += 1;
    return { from: self, to: id, epoch, principal, atMs: clock.now(), instance, count, bodyHash };
  };

  async function post<Line>(
    node: PeerAddress,
    principal: string,
    path: string,
    content: object,
    signal: AbortSignal,
    onLine: (line: Line) => boolean,
  ): Promise<void> {
    if (onTheWay >= maxOnTheWay) {
      throw new PeerUnreachable(`${maxOnTheWay} calls to other nodes are on their way`, { wasSent: false });
    }
    onTheWay += 1;
    const body = JSON.stringify(content);
    const claims = claim(node, principal, hashOf(body));
    const headers = {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      [proofHeader]: signRequest(key, { method: "POST", path }, claims),
    };
    const lines = new Lines();
    try {
      await posts.post({
        ...{ url: new URL(path, node.address), headers, body, signal },
        onHead: (status, header) => believe(node, key, claims, status, header(proofHeader)),
        onPiece: (text) => lines.push(text).some((line) => onLine(line as Line)),
      });
    } finally {
      onTheWay -= 1;
    }
  }

  return {
    async call(node, principal, call, { signal, onProgress }) {
      let final: FinalLine | undefined;
      await post<AnswerLine>(node, principal, callPath, call, signal, (line) => {
        if ("progress" in line && line.progress !== undefined) onProgress?.(line.progress);
        if (!isFinal(line)) return false;
        final = line;
        return true;
      });
      if (final === undefined) throw new Error("a call of another node was over without an answer");
      return final;
    },
    async renew(node, renewing, signal) {
      let answer: RenewAnswer | FinalLine | undefined;
      await post<RenewAnswer | FinalLine>(node, "", renewPath, renewing, signal, (line) => {
        answer = line;
        return true;
      });
      if (answer === undefined || !("outcome" in answer)) {
        throw new PeerUnreachable(`the node ${node.id} takes no heartbeats`, { wasSent: false });
      }
      return answer.outcome === "registry-unreachable" ? "registry-unreachable" : answer;
    },
    async hand(node, principal, path, target, request) {
      const asked = { method: request.method, path: `${path}?target=${encodeURIComponent(target)}` };
      const claims = claim(node, principal, null);
      const proof = signRequest(key, asked, claims);
      const response = await handOver(new URL(asked.path, node.address), proof, request, tls);
      believe(node, key, claims, response.status, response.headers.get(proofHeader));
      response.headers.delete(proofHeader);
      return response;
    },
    [Symbol.dispose]: () => posts[Symbol.dispose](),
  };
}

/** The node was registered again since it was looked up, or its lease is over: it has begun nothing. */
export const misdirected = 421;

/** Throws PeerUnreachable. */
function believe(
  { address }: PeerAddress,
  key: Uint8Array,
  claims: Claims,
  status: number,
  proof: string | null,
): void {
  if (!isProven(key, claims, status, proof)) {
    const what = `what answers at ${address} does not prove that it is the node ${claims.to} (HTTP ${status})`;
    throw new PeerUnreachable(what, { wasSent: true });
  }
  if (status === misdirected) {
    throw new PeerUnreachable(`the node ${claims.to} does not serve as it was registered`, { wasSent: false });
  }
}

const finalKinds = ["result", "error", "failure", "declined", "moved", "unexpected"];

function isFinal(line: AnswerLine): line is FinalLine {
  return finalKinds.some((kind) => kind in line);
}
