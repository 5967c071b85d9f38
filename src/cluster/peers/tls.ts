// Mutual TLS between nodes: what this node shows, and whom it takes for one.

import { readFile } from "node:fs/promises";
import { StartError } from "../../failure.ts";

/** PEM. Each node has a certificate that the same authorities have signed. */
export type PeerTls = { readonly cert: string; readonly key: string; readonly ca: string };

type Paths = {
  readonly clusterTlsCert: string | undefined;
  readonly clusterTlsKey: string | undefined;
  readonly clusterTlsCa: string | undefined;
};

/** Undefined where none is named. Throws StartError that tells all files that are none. */
export async function readPeerTls({
  clusterTlsCert,
  clusterTlsKey,
  clusterTlsCa,
}: Paths): Promise<PeerTls | undefined> {
  if (clusterTlsCert === undefined || clusterTlsKey === undefined || clusterTlsCa === undefined) return undefined;
  const problems: string[] = [];
  const read = async (flag: string, path: string, what: RegExp) => {
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
      problems.push(`${flag}: ${path} cannot be read (${why}); name a file in PEM form that this user may read`);
      return undefined;
    });
    if (text !== undefined && !what.test(text)) {
      problems.push(`${flag}: ${path} has no ${flag.endsWith("key") ? "private key" : "certificate"} in PEM form`);
    }
    return text ?? "";
  };
  const certificate = /-----BEGIN CERTIFICATE-----/;
  const [cert, key, ca] = await Promise.all([
    read("--cluster-tls-cert", clusterTlsCert, certificate),
    read("--cluster-tls-key", clusterTlsKey, /-----BEGIN (\w+ )?PRIVATE KEY-----/),
    read("--cluster-tls-ca", clusterTlsCa, certificate),
  ]);
  if (problems.length > 0) throw new StartError(problems.join("\n"), { isConfiguration: true });
  return { cert, key, ca };
}
