// What the nodes of one cluster share: keys that are derived from one secret, each for one purpose.

import { hkdfSync } from "node:crypto";

export type ClusterKeys = {
  /** By which nodes prove to each other that they are of this cluster. */
  readonly proofKey: Uint8Array;
  /** Signs the ids of MCP sessions, so that each node takes those of all. */
  readonly sessionKey: Uint8Array;
  /** Signs URLs of files, so that each node takes those of all. */
  readonly linkKey: Uint8Array;
  /** Kept in the registry, by which a node with another secret is noticed before it is given calls that it would refuse. Opens nothing. */
  readonly registryMark: string;
};

const keyBytes = 32;

/** `secret` is MCP_CLUSTER_SECRET. Clusters of other names have other keys, be the secret the same. */
export function deriveClusterKeys(secret: string, clusterName: string): ClusterKeys {
  const derive = (purpose: string) => {
    const info = `msb-mcp cluster key\0${purpose}\0${clusterName}`;
    return new Uint8Array(hkdfSync("sha256", secret, "", info, keyBytes));
  };
  return {
    proofKey: derive("proofs of nodes"),
    sessionKey: derive("ids of MCP sessions"),
    linkKey: derive("links to files"),
    registryMark: Buffer.from(derive("mark of the cluster in its registry")).toString("base64url").slice(0, 22),
  };
}
