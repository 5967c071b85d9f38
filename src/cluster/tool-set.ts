// The tools of all nodes as one set: what belongs to this node is answered here, as where there is no other, and what belongs to another one there.

import { fromNode } from "../mcp/handed-on.ts";
import { type ToolErrors, tellFailure } from "../mcp/tool.ts";
import type { CallContext, ToolAnswer, ToolSet } from "../mcp/tool-set.ts";
import { clusterResources } from "./cluster-resources.ts";
import { clusterTasks } from "./cluster-tasks.ts";
import { Forwarding, hearingOf, type OnForwarded } from "./forwarding.ts";
import { goneAnswer } from "./gone.ts";
import { listEverywhere } from "./list-sessions.ts";
import { type Named, namedIn, openingTools } from "./named.ts";
import type { OwnTools } from "./own-tools.ts";
import type { Owners } from "./owners.ts";
import type { Peers } from "./peers/client.ts";
import { createPlacing, type PlacingOptions } from "./placing.ts";
import type { Registry } from "./port.ts";
import type { Reach } from "./reach.ts";

export type ClusterToolSetOptions = Omit<PlacingOptions, "registry"> & {
  readonly own: OwnTools;
  readonly owners: Owners;
  readonly peers: Peers;
  readonly reach: Reach;
  readonly registry: Pick<Registry, "place" | "giveBack" | "sessionsOf">;
  readonly toolErrors: ToolErrors;
  /** Nodes that are there, as far as this one has heard lately. */
  readonly knownPeers: () => readonly string[];
  readonly onForwarded: OnForwarded;
};

export function createClusterToolSet(options: ClusterToolSetOptions): ToolSet {
  const { own, owners, registry, self, knownPeers, standing, clock, toolErrors } = options;
  const forwarding = new Forwarding({ ...options, monotonicMs: () => clock.monotonicMs() });
  const place = createPlacing(options, own, forwarding);
  const opening = openingTools(own.local);

  function call(name: string, args: unknown, context: CallContext): ToolAnswer | Promise<ToolAnswer> {
    const named = namedIn(args);
    const id = named.sessionId ?? named.executionId;
    if (id === undefined) {
      if (opening.has(name)) return told(placed(name, args, named, context), context);
      const answer = own.call(name, args, context);
      return name === "get_sessions" ? told(everywhere(answer, context), context) : answer;
    }
    const nodeId = owners.otherNodeOf(id);
    if (nodeId === undefined) return own.call(name, args, context);
    return told(at(nodeId, name, args, named, context), context);
  }

  async function placed(name: string, args: unknown, named: Named, context: CallContext): Promise<ToolAnswer> {
    const { answer, node } = await place(name, args, named, context);
    return node === undefined ? answer : fromNode(answer, node);
  }

  async function everywhere(answer: ToolAnswer | Promise<ToolAnswer>, context: CallContext): Promise<ToolAnswer> {
    return await listEverywhere(await answer, context, { registry, self, knownPeers, standing, forwarding, clock });
  }

  async function at(nodeId: string, name: string, args: unknown, named: Named, context: CallContext) {
    const { principal, audience, takesLinks, mayBecomeTask, account } = context;
    const asked = { kind: "tool", name, args, audience, takesLinks, mayBecomeTask } as const;
    const reached = await forwarding.ask(nodeId, principal, asked, hearingOf(context), { account });
    switch (reached.kind) {
      case "answered":
        return fromNode(reached.answer as ToolAnswer, reached.node.id);
      case "gone":
        return goneAnswer(name, named, reached, clock.now());
      default:
        // No node of this cluster has made it: it is told as on one machine.
        return await own.call(name, args, context);
    }
  }

  /** Failures told as tools tell them. */
  function told(answer: Promise<ToolAnswer>, context: CallContext): Promise<ToolAnswer> {
    return answer.catch((error: unknown) => tellFailure(error, context, toolErrors));
  }

  const { resources, tasks } = own.local;
  return {
    ...(tasks !== undefined && { tasks: clusterTasks(tasks, { own, owners, forwarding, clock }) }),
    ...(resources !== undefined && { resources: clusterResources(resources, { own, owners, forwarding, clock }) }),
    list: () => own.local.list(),
    call,
  };
}
