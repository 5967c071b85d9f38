// What other nodes ask of this one over HTTP. Nothing is answered without a proof, not even that there is something; and nothing that comes in here is
// handed on to a third node.

import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { createRequestIds } from "../../mcp/calls.ts";
import type { CallAccount } from "../../mcp/tool-set.ts";
import type { OwnTools } from "../own-tools.ts";
import type { Renewal, Renewing } from "../port.ts";
import { RoomElsewhere } from "../waiting.ts";
import { answerCall } from "./call-answer.ts";
import { misdirected } from "./client.ts";
import { type Claims, hashOf, proofHeader, readProof, signAnswer } from "./proof.ts";
import { Replays } from "./replays.ts";
import {
  callPath,
  type Declined,
  type FinalLine,
  filesPath,
  lineOf,
  lineOfError,
  type PeerCall,
  type RenewAnswer,
  renewPath,
  streamPath,
} from "./wire.ts";

export type PeerRoutesOptions = {
  /** This node's id. */
  readonly self: string;
  /** Undefined while it is not registered. */
  readonly epoch: () => number | undefined;
  /** `ClusterKeys.proofKey`. */
  readonly key: Uint8Array;
  readonly own: OwnTools;
  /** Whether it takes no new sessions that others place here. */
  readonly isDraining: () => boolean;
  /** Hands another node's heartbeat on to the registry; `registry-unreachable` if that cannot be asked here either. */
  readonly renew: (renewing: Renewing) => Promise<Renewal | "registry-unreachable">;
  /** Of a body that is read whole. Bytes. */
  readonly maxRequestBytes: number;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** What is asked by way of another node: a path with its query, as the client sent it. */
export type HandedOver = { readonly request: Request; readonly target: string; readonly principal: string };

export type HandedRoutes = {
  readonly files: (handed: HandedOver) => Promise<Response>;
  readonly stream: (handed: HandedOver) => Response | Promise<Response>;
};

/** Resolves with undefined for what is to be answered as any path where nothing is served. */
export type PeerRoutes = (request: Request, handed: HandedRoutes) => Promise<Response | undefined>;

/** What a call has beside the arguments of its client. Bytes. */
const envelopeBytes = 64 * 1024;

export function createPeerRoutes(options: PeerRoutesOptions): PeerRoutes {
  const { self, epoch, key, own, clock, renew, maxRequestBytes } = options;
  const replays = new Replays();
  const carryOut = createCarryOut(options);

  /** What it claims, if it proves it. Undefined otherwise. */
  function claimsOf(request: Request, path: string): Claims | undefined {
    const { method } = request;
    const nowMs = clock.now();
    const claims = readProof(key, { method, path }, request.headers.get(proofHeader), nowMs);
    if (claims?.to !== self || !replays.take(claims.instance, claims.count, nowMs)) return undefined;
    return claims;
  }

  /** An upload can be sent once, so it may name an earlier registration of this node: the registry was emptied meanwhile, for example. */
  function isMeant(claims: Claims, pathname: string): boolean {
    const own = epoch();
    return claims.epoch === own || (pathname === filesPath && own !== undefined && claims.epoch < own);
  }

  async function answer(request: Request, handed: HandedRoutes): Promise<Response | undefined> {
    const path = pathWithQuery(request.url);
    const claims = claimsOf(request, path);
    if (claims === undefined) return undefined;
    const { principal } = claims;
    const proven = (response: Response) => {
      response.headers.set(proofHeader, signAnswer(key, claims, response.status));
      return response;
    };
    const url = new URL(request.url);
    // Who asks has looked up another registration, or this one is over: nothing is begun, and it may look again. Heartbeats are handed on by any node.
    const isMisdirected = !own.isServing || !isMeant(claims, url.pathname);
    if (isMisdirected && path !== renewPath) return proven(new Response(null, { status: misdirected }));
    const target = url.searchParams.get("target");
    if (target !== null && url.pathname === filesPath) {
      return proven(await handed.files({ request, target, principal }));
    }
    if (target !== null && url.pathname === streamPath && request.method === "GET") {
      return proven(await handed.stream({ request, target, principal }));
    }
    if (request.method !== "POST" || target !== null) return proven(new Response(null, { status: 404 }));
    const headers = { "content-type": "application/x-ndjson" };
    // A node of another version, or with another limit, is told that nothing was begun.
    const decline = (declined: Declined) => proven(new Response(lineOf({ declined }), { status: 404, headers }));
    if (Number(request.headers.get("content-length")) > maxRequestBytes + envelopeBytes) return decline("too_large");
    const content = await contentOf(request, claims);
    if (content === undefined) return undefined;
    if (path === renewPath) return proven(new Response(lineOf(await renewed(content as Renewing)), { headers }));
    if (path !== callPath) return decline("unknown_call");
    const left = new AbortController();
    const onLeave = () => left.abort("the node that asked has gone.");
    request.signal.addEventListener("abort", onLeave, { once: true });
    const call = content as PeerCall;
    const work = (progress: (text: string) => void) => carryOut(principal, call, progress, left.signal);
    return proven(await answerCall({ work, headers, clock, onLeave }));
  }

  const renewed = async (renewing: Renewing): Promise<RenewAnswer> => {
    const renewal = await renew(renewing);
    return renewal === "registry-unreachable" ? { outcome: renewal } : renewal;
  };
  return answer;
}

/** As it was sent. */
function pathWithQuery(url: string): string {
  const from = url.indexOf("/", url.indexOf("://") + 3);
  return from < 0 ? "/" : url.slice(from);
}

/** The body that was signed, read; undefined for any other. */
async function contentOf(request: Request, { bodyHash }: Claims): Promise<unknown> {
  // Bun never reads beyond a declared length.
  if (bodyHash === null || !request.headers.has("content-length")) return undefined;
  const body = new Uint8Array(await request.arrayBuffer());
  return hashOf(body) === bodyHash ? JSON.parse(new TextDecoder().decode(body)) : undefined;
}

type CarryOut = (
  principal: string,
  call: PeerCall,
  progress: (text: string) => void,
  signal: AbortSignal,
) => Promise<FinalLine>;

/** What it gives never rejects. */
function createCarryOut({ own, isDraining, emit }: PeerRoutesOptions): CarryOut {
  const newRequestId = createRequestIds();
  return async (principal, call, progress, signal) => {
    const requestId = newRequestId();
    const account: CallAccount = { spentMs: null, failure: undefined };
    const context = { principal, signal, requestId, account, progress, mayBecomeTask: false };
    try {
      switch (call.kind) {
        case "ping":
          return { result: null };
        case "tool": {
          const { name, args, audience, takesLinks, mayBecomeTask, placed } = call;
          if (placed !== undefined && isDraining()) return { declined: "draining" };
          const asked = { ...context, audience, takesLinks, mayBecomeTask };
          return { result: await own.call(name, args, asked, placed), account };
        }
        case "resource": {
          const { uri, audience, takesLinks } = call;
          const read = await own.local.resources?.read(uri, { ...context, audience, takesLinks });
          return { result: read ?? null, account };
        }
        case "task":
          return { result: await askTask(own, { principal, audience: call.audience }, call, signal), account };
        default:
          return { declined: "unknown_call" };
      }
    } catch (error) {
      if (error instanceof RoomElsewhere) return { moved: error.placement };
      const told = lineOfError(error, account);
      if (told !== undefined) return told;
      // What was aborted has nobody to be told to.
      if (!signal.aborted) emit({ type: "request.failed", requestId, error });
      return { unexpected: requestId };
    }
  };
}

async function askTask(
  { local: { tasks } }: OwnTools,
  caller: { readonly principal: string; readonly audience: "program" | "agent" },
  { act, taskId }: Extract<PeerCall, { readonly kind: "task" }>,
  signal: AbortSignal,
): Promise<unknown> {
  switch (act) {
    case "get":
      return await tasks?.get(caller, taskId);
    case "update":
      await tasks?.update(caller, taskId);
      return null;
    case "cancel":
      await tasks?.cancel(caller, taskId);
      return null;
    case "ended": {
      const end = await tasks?.ended(caller, taskId, signal);
      await end?.over();
      return end !== undefined;
    }
  }
}
