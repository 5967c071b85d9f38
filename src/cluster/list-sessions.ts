// get_sessions over all nodes: what each node that has sessions of the caller tells, the oldest first, and which of them could not be asked.

import type { Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import type { CallContext, ToolAnswer } from "../mcp/tool-set.ts";
import { plainResult } from "../mcp/tools/plain.ts";
import type { Forwarding } from "./forwarding.ts";
import { type Registry, RegistryUnreachable } from "./port.ts";

export type ListOptions = {
  readonly registry: Pick<Registry, "sessionsOf">;
  /** This node's id. */
  readonly self: string;
  readonly forwarding: Forwarding;
  readonly clock: Clock;
};

type Unasked = { readonly node: string; readonly why: string };
type Listed = { readonly sessions: readonly unknown[] } | Unasked;

/** Nodes that are asked at a time. */
const atATime = 32;
/** A list that comes late is none. Milliseconds. */
const waitMs = 5_000;

/** `own` is this node's answer. Rejects with the signal's reason. */
export async function listEverywhere(own: ToolAnswer, context: CallContext, options: ListOptions): Promise<ToolAnswer> {
  if (!("sessions" in own) || !Array.isArray(own.sessions)) return own;
  const others = await othersWithSessions(context.principal, options.registry, options.self);
  const listed = "why" in others ? [others] : await listsOf(others, context, options);
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

async function othersWithSessions(
  principal: string,
  registry: ListOptions["registry"],
  self: string,
): Promise<readonly string[] | Unasked> {
  try {
    const counts = await registry.sessionsOf(principal);
    return [...counts].flatMap(([nodeId, sessions]) => (sessions > 0 && nodeId !== self ? [nodeId] : []));
  } catch (error) {
    if (!(error instanceof RegistryUnreachable)) throw error;
    return { node: "all others", why: "the registry of the cluster cannot be reached" };
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
