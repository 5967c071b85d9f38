// Several servers that are one.

import { httpUrl } from "../addresses.ts";
import { clusterName, registryUrl } from "../cluster.ts";
import { longSecret } from "../credentials.ts";
import { choice, path, wholeNumber } from "../kinds.ts";
import { optional, withDefault } from "./option.ts";

export const clusterOptions = {
  cluster: optional({
    flag: "--cluster",
    variable: "MSB_MCP_CLUSTER",
    group: "Cluster",
    summary:
      "Valkey or Redis server through which several servers are one; a URL with a password belongs into the variable, out of process lists",
    kind: registryUrl,
  }),
  clusterName: withDefault("msb-mcp", {
    flag: "--cluster-name",
    variable: "MSB_MCP_CLUSTER_NAME",
    group: "Cluster",
    summary: "Which cluster: those of other names on the same Valkey or Redis server are not seen",
    kind: clusterName,
  }),
  clusterAddress: {
    ...optional({
      flag: "--cluster-address",
      variable: "MSB_MCP_CLUSTER_ADDRESS",
      group: "Cluster",
      summary: "Where other nodes reach this one",
      kind: httpUrl,
    }),
    fallbackShown: "the address it listens on; the machine's host name where that is all addresses",
  },
  clusterPort: optional({
    flag: "--cluster-port",
    variable: "MSB_MCP_CLUSTER_PORT",
    group: "Cluster",
    summary: "With the three options of TLS: the port on which other nodes, and nobody else, are answered; 0 picks one",
    kind: wholeNumber(0, 65_535),
  }),
  clusterTlsCert: optional({
    flag: "--cluster-tls-cert",
    variable: "MSB_MCP_CLUSTER_TLS_CERT",
    group: "Cluster",
    summary: "Certificate that this node shows to others, with the host of its --cluster-address in it (PEM)",
    kind: path,
  }),
  clusterTlsKey: optional({
    flag: "--cluster-tls-key",
    variable: "MSB_MCP_CLUSTER_TLS_KEY",
    group: "Cluster",
    summary: "Private key of that certificate (PEM)",
    kind: path,
  }),
  clusterTlsCa: optional({
    flag: "--cluster-tls-ca",
    variable: "MSB_MCP_CLUSTER_TLS_CA",
    group: "Cluster",
    summary: "Certificate of the authority that has signed those of all nodes; who shows none of it is no node (PEM)",
    kind: path,
  }),
  clusterPartition: withDefault("serve", {
    flag: "--cluster-partition",
    variable: "MSB_MCP_CLUSTER_PARTITION",
    group: "Cluster",
    summary: "Whether a node that does not reach the registry opens new sessions; running ones go on",
    kind: choice(["serve", "refuse"]),
  }),
  clusterSecret: optional({
    flag: undefined,
    variable: "MCP_CLUSTER_SECRET",
    group: "Cluster",
    summary: "What the nodes know each other by, the same on each; no flag, so that it stays out of process lists",
    kind: longSecret,
  }),
} as const;
