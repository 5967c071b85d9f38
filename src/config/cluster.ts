// The kinds of option values that make several servers one, and what must hold between them.

import { maskUrl } from "./addresses.ts";
import { minSecretLength } from "./credentials.ts";
import { type Kind, single } from "./kinds.ts";

/** No message shows the password in it. */
export const registryUrl: Kind<string> = {
  ...single(
    "a URL with redis://, rediss://, redis+sentinel:// (HOST:PORT,HOST:PORT/NAME) or redis+cluster:// (HOST:PORT,HOST:PORT)",
    "URL",
    (text) => (/^(rediss?|redis\+(sentinel|cluster)):\/\/[^/\s?#]+(\/\S*)?$/i.test(text) ? text : undefined),
  ),
  show: maskUrl,
};

/** A part of the registry's keys. */
export const clusterName: Kind<string> = single("1 to 64 letters, digits, dots, - or _", "NAME", (text) =>
  /^[\w.-]{1,64}$/.test(text) ? text : undefined,
);

/** A problem a line; none if there is no cluster. */
export function clusterProblems(config: {
  readonly cluster: string | undefined;
  readonly clusterSecret: string | undefined;
  readonly transport: "http" | "stdio";
  readonly clusterAddress: string | undefined;
  readonly clusterPort: number | undefined;
  readonly clusterTlsCert: string | undefined;
  readonly clusterTlsKey: string | undefined;
  readonly clusterTlsCa: string | undefined;
}): readonly string[] {
  const { cluster, transport } = config;
  if (cluster === undefined) return [];
  return [
    ...tlsProblems(config),
    ...(transport === "stdio"
      ? [
          "--cluster (MSB_MCP_CLUSTER): a server on stdio has one client and no address for other nodes; leave it out, or use --transport http",
        ]
      : []),
    ...(config.clusterSecret === undefined
      ? [
          "--cluster (MSB_MCP_CLUSTER): the nodes need a secret to know each other by; set the variable MCP_CLUSTER_SECRET to the same " +
            `${minSecretLength} or more characters on each, for example from: openssl rand -hex 32`,
        ]
      : []),
  ];
}

/** All of mutual TLS is given, or nothing. */
function tlsProblems(config: Omit<Parameters<typeof clusterProblems>[0], "cluster">): readonly string[] {
  const given = {
    "--cluster-port (MSB_MCP_CLUSTER_PORT)": config.clusterPort,
    "--cluster-tls-cert (MSB_MCP_CLUSTER_TLS_CERT)": config.clusterTlsCert,
    "--cluster-tls-key (MSB_MCP_CLUSTER_TLS_KEY)": config.clusterTlsKey,
    "--cluster-tls-ca (MSB_MCP_CLUSTER_TLS_CA)": config.clusterTlsCa,
  };
  const missing = Object.entries(given).filter(([, value]) => value === undefined);
  if (missing.length === Object.keys(given).length) return [];
  const { clusterAddress: address } = config;
  return [
    ...missing.map(
      ([name]) =>
        `${name}: is missing; TLS between the nodes requires a port, a certificate, its key and the authority`,
    ),
    ...(address !== undefined && !address.startsWith("https:")
      ? [
          `--cluster-address (MSB_MCP_CLUSTER_ADDRESS): ${maskUrl(address)} is not allowed with --cluster-tls-cert; it must be https:// with ` +
            "the port of --cluster-port",
        ]
      : []),
  ];
}
