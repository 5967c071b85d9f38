// The resources of all nodes as one set: a file's URI names its session, and that its node.

import type { Clock } from "../clock.ts";
import { fromNode } from "../mcp/handed-on.ts";
import { readSandboxUri } from "../mcp/resources/uri.ts";
import type { CallContext, ResourceSet } from "../mcp/tool-set.ts";
import { type Forwarding, hearingOf } from "./forwarding.ts";
import { sessionGone } from "./gone.ts";
import type { OwnTools } from "./own-tools.ts";
import type { Owners } from "./owners.ts";

export type ClusterResourcesOptions = {
  readonly own: OwnTools;
  readonly owners: Owners;
  readonly forwarding: Forwarding;
  readonly clock: Clock;
};

export function clusterResources(local: ResourceSet, options: ClusterResourcesOptions): ResourceSet {
  const { own, owners, forwarding, clock } = options;
  return {
    resources: local.resources,
    templates: local.templates,
    read(uri, context) {
      const sessionId = readSandboxUri(uri)?.sessionId;
      if (sessionId === undefined) return local.read(uri, context);
      const nodeId = owners.otherNodeOf(sessionId);
      if (nodeId !== undefined) return readAt(nodeId, sessionId, uri, context);
      own.mayServe();
      return local.read(uri, context);
    },
  };

  async function readAt(nodeId: string, sessionId: string, uri: string, context: CallContext): Promise<Read> {
    const { principal, audience, takesLinks, account } = context;
    const call = { kind: "resource", uri, audience, takesLinks } as const;
    const reached = await forwarding.ask(nodeId, principal, call, hearingOf(context), { account });
    switch (reached.kind) {
      case "answered":
        return fromNode(reached.answer as Read, reached.node.id);
      case "gone":
        throw sessionGone(sessionId, reached, clock.now());
      default: {
        const read = await local.read(uri, context);
        if (read === undefined) throw new Error("a sandbox URI was read as none");
        return read;
      }
    }
  }
}

type Read = Awaited<NonNullable<ReturnType<ResourceSet["read"]>>>;
