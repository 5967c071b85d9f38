// Endpoints of one cluster in one process: one key, and a bus that tests can break.

import type { Announced, Bus, McpNode } from "../../src/mcp/node.ts";
import { startEdge, type TestEdge } from "./edge.ts";

export class FakeBus {
  /** All that was announced, in order. */
  readonly announced: Announced[] = [];
  /** Nothing reaches it, and nobody is told anything. */
  isDown = false;
  readonly #listeners = new Map<string, (announced: Announced) => void>();

  /** As the node of this id sees it. */
  of(nodeId: string): Bus {
    const reached = () => {
      if (this.isDown) throw new Error("the registry cannot be reached");
    };
    return {
      announce: async (announced) => {
        reached();
        this.announced.push(announced);
        for (const [id, listener] of this.#listeners) if (id !== nodeId) listener(announced);
      },
      listen: (listener) => {
        this.#listeners.set(nodeId, listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(nodeId) };
      },
      endedMcpSessions: async () => {
        reached();
        return this.announced.flatMap((it) => (it.type === "mcp_session.ended" ? [it.mcpSessionId] : []));
      },
    };
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

export type Node = TestEdge & { readonly id: string };

/** `reachable` tells which of them can be asked for the rest of a stream. */
export async function startNodes(ids: readonly string[], bus: FakeBus, reachable: ReadonlySet<string> = new Set(ids)) {
  const sessionKey = crypto.getRandomValues(new Uint8Array(32));
  const nodes = new Map<string, Node>();
  const start = async (id: string): Promise<Node> => {
    const resumeElsewhere: McpNode["resumeElsewhere"] = async (nodeId, request, caller) =>
      reachable.has(nodeId) ? nodes.get(nodeId)?.endpoint.resume(request, caller) : undefined;
    const edge = await startEdge({ sessionKey, node: { id, bus: bus.of(id), resumeElsewhere } });
    const node = { ...edge, id };
    nodes.set(id, node);
    return node;
  };
  return { start, nodes: await Promise.all(ids.map(start)) };
}
