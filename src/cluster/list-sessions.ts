// get_sessions over all nodes: what each node that has sessions of the caller tells, the oldest first, and which of them could not be asked.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { CallContext, ToolAnswer } from "../mcp/tool-set.ts";
import { plainResult } from "../mcp/tools/plain.ts";
import type { Forwarding } from "./forwarding.ts";
import { leaseMs, type Registry, RegistryUnreachable, type Standing } from "./port.ts";

export type ListOptions = {
  readonly registry: Pick<Registry, "sessionsOf">;
  /** This node's id. */
  readonly self: string;
  /** Other nodes: asked where the registry cannot tell which of them have sessions of the caller. */
  readonly knownPeers: () => readonly string[];
  readonly standing: () => Standing;
  readonly forwarding: Forwarding;
  readonly clock: Clock;
};

type Unasked = { readonly node: string; readonly why: string };
type Listed = { readonly sessions: readonly unknown[] } | Unasked;

type Asked = { readonly nodeIds: readonly string[]; readonly unasked: readonly Unasked[] };

/** Nodes that are asked at a time. */
const atATime = 32;
/** A list that comes late is none. Milliseconds. */
const waitMs = 5_000;

/** `own` is this node's answer. Rejects with the signal's reason. */
export async function listEverywhere(own: ToolAnswer, context: CallContext, options: ListOptions): Promise<ToolAnswer> {
  if (!("sessions" in own) || !Array.isArray(own.sessions)) return own;
  const { nodeIds, unasked: others } = await whomToAsk(context.principal, options);
  const listed = [...(await listsOf(nodeIds, context, options)), ...others];
  if (listed.length === 0) return own;
  const sessions: unknown[] = [...own.sessions, ...listed.flatMap((each) => ("sessions" in each ? each.sessions : []))];
  const unasked = listed.filter((each) => "why" in each);
  const merged = plainResult({
    sessions: sessions.sort((a, b) => createdAt(a) - createdAt(b)),
    ...(unasked.length > 0 && { nodes_not_asked: unasked }),
  });
  if ("structuredContent" in own) return merged;
  const { structuredContent: _, ...rest } = merged;
  return rest;
}

async function listsOf(nodeIds: readonly string[], context: CallContext, options: ListOptions): Promise<Listed[]> {
  const listed: Listed[] = []; // one a node
  for (let from = 0; from < nodeIds.length; from += atATime) {
    const asked = nodeIds.slice(from, from + atATime).map((nodeId) => listOf(nodeId, context, options));
    listed.push(...(await Promise.all(asked)));
  }
  return listed;
}

async function whomToAsk(principal: string, { registry, self, knownPeers, standing }: ListOptions): Promise<Asked> {
  try {
    if (standing() === "unreachable") throw new RegistryUnreachable("not asked");
    const { byNode, knowsSinceMs } = await registry.sessionsOf(principal);
    const nodeIds = new Set([...byNode].flatMap(([nodeId, sessions]) => (sessions > 0 ? [nodeId] : [])));
    // It was emptied, and nodes may not have told it anew whose sessions they have.
    if (knowsSinceMs < leaseMs) for (const nodeId of knownPeers()) nodeIds.add(nodeId);
    nodeIds.delete(self);
    return { nodeIds: [...nodeIds], unasked: [] };
  } catch (error) {
    if (!(error instanceof RegistryUnreachable)) throw error;
    const why = "the registry of the cluster cannot be reached; only nodes that were known before were asked";
    return { nodeIds: knownPeers(), unasked: [{ node: "all others", why }] };
  }
}

async function listOf(nodeId: string, context: CallContext, { forwarding, clock }: ListOptions): Promise<Listed> {
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(waitMs, done.signal).then(
    () => late.abort(new Failure("connection", `the node ${nodeId} has not answered in ${waitMs / 1000} s.`)),
    () => undefined,
  );
  const { principal, audience, takesLinks } = context;
  const call = { kind: "tool", name: "get_sessions", args: {}, audience, takesLinks, mayBecomeTask: false } as const;
  try {
    const signal = AbortSignal.any([context.signal, late.signal]);
    const reached = await forwarding.ask(nodeId, principal, call, { signal }, { patienceMs: 0 });
    if (reached.kind !== "answered") return { sessions: [] };
    return { sessions: sessionsIn(reached.answer) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { node: nodeId, why: error instanceof Failure ? error.what : "its answer was not understood" };
  } finally {
    done.abort();
  }
}

/** Of an answer of get_sessions. */
function sessionsIn(answer: unknown): readonly unknown[] {
  const { sessions } = Object(answer) as { readonly sessions?: unknown };
  if (!Array.isArray(sessions)) throw new Error("an answer of get_sessions lists none");
  return sessions;
}

function createdAt(session: unknown): number {
  const { created_at } = Object(session) as { readonly created_at?: unknown };
  return typeof created_at === "string" ? Date.parse(created_at) : 0;
}
