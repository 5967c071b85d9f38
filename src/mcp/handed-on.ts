// How an answer says that another node has given it: in `_meta` of its result, and in a header where it goes out alone, before its body.

export const nodeHeader = "msb-mcp-node";
const nodeMeta = "msb-mcp/node";

/** The node that a result is from; undefined for one of this node's own. */
export function nodeOf(result: object): string | undefined {
  const node = metaIn(result)[nodeMeta];
  return typeof node === "string" ? node : undefined;
}

export function fromNode<R extends object>(result: R, nodeId: string): R {
  return { ...result, _meta: { ...metaIn(result), [nodeMeta]: nodeId } };
}

function metaIn(result: object): Readonly<Record<string, unknown>> {
  const meta = "_meta" in result ? result._meta : undefined;
  return typeof meta === "object" && meta !== null ? { ...meta } : {};
}
