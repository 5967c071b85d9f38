// Authorities and certificates for the loopback address, made by openssl in a folder of the test's own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const openssl = Bun.which("openssl");

/** Whether tests may make some. Where they may not, `what` is skipped, and that is said. */
export function hasOpenssl(what: string): boolean {
  if (openssl === null) console.warn(`SKIPPED: ${what}: no openssl here (apt-get install openssl)`);
  return openssl !== null;
}

/** Paths of PEM files. */
export type Signed = { readonly cert: string; readonly key: string };

export async function makeCertificates() {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-tls-"));
  const at = (name: string) => join(folder, name);
  const run = async (...words: readonly string[]) => {
    const made = Bun.spawn([openssl ?? "openssl", ...words], { stdout: "ignore", stderr: "pipe" });
    if ((await made.exited) !== 0) throw new Error(await made.stderr.text());
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  return {
    folder,
    async authority(name: string): Promise<Signed> {
      const [cert, key] = [at(`${name}.pem`), at(`${name}.key`)];
      await run("req", "-x509", ...newKey, "-keyout", key, "-out", cert, "-days", "2", "-subj", `/CN=${name}`);
      return { cert, key };
    },
    /** For 127.0.0.1 and localhost, unless it is for another host. */
    async certificate(name: string, by: Signed, hosts = "DNS:localhost,IP:127.0.0.1"): Promise<Signed> {
      const [cert, key] = [at(`${name}.pem`), at(`${name}.key`)];
      const [asked, extensions] = [at(`${name}.csr`), at(`${name}.ext`)];
      await writeFile(extensions, `subjectAltName=${hosts}\n`);
      await run("req", ...newKey, "-keyout", key, "-out", asked, "-subj", `/CN=${name}`);
      const signing = ["-CA", by.cert, "-CAkey", by.key, "-CAcreateserial", "-days", "2", "-extfile", extensions];
      await run("x509", "-req", "-in", asked, "-out", cert, ...signing);
      return { cert, key };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
