// The registry over TLS: a redis-server of the test's own, with a certificate of an authority that no machine knows. Which authorities a process trusts it
// learns at its start, so the product's own command is started.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hasOpenssl, makeCertificates, type Signed } from "./certificates.ts";
import { freePort, hasRedisServer, type RedisServer, startRedisServer } from "./redis-server.ts";

const mainPath = join(import.meta.dir, "../../src/main.ts");
const name = "a registry over TLS";

describe.skipIf(!(hasRedisServer(name) && hasOpenssl(name)))(name, () => {
  let made: Awaited<ReturnType<typeof makeCertificates>>;
  let ours: Signed;
  let theirs: Signed;
  let server: RedisServer;
  let port: number;
  beforeAll(async () => {
    made = await makeCertificates();
    ours = await made.authority("ours");
    theirs = await made.authority("theirs");
    const { cert, key } = await made.certificate("redis", ours, "DNS:localhost");
    port = await freePort();
    const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ours.cert];
    server = await startRedisServer(["--tls-port", String(port), "--tls-auth-clients", "no", ...files]);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await made[Symbol.asyncDispose]();
  });

  /** `msb-mcp nodes` of a process that trusts this authority beside those of the machine. */
  const nodes = async (url: string, trusted?: Signed) => {
    const asked = Bun.spawn([process.execPath, "--no-env-file", mainPath, "nodes", "--cluster", url], {
      env: { PATH: process.env.PATH, ...(trusted && { NODE_EXTRA_CA_CERTS: trusted.cert }) },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([asked.stdout.text(), asked.stderr.text()]);
    return { status: await asked.exited, stdout, stderr };
  };

  test("is asked where its certificate's authority is trusted", async () => {
    const { status, stderr } = await nodes(`rediss://localhost:${port}`, ours);
    expect(stderr).toBe("No node has registered in the last 24 hours.\n");
    expect(status).toBe(0);
  });

  test("is not asked where it is not, nor by another name than that of its certificate, and the message says why", async () => {
    const [unknown, other, renamed] = await Promise.all([
      nodes(`rediss://localhost:${port}`),
      nodes(`rediss://localhost:${port}`, theirs),
      nodes(`rediss://127.0.0.1:${port}`, ours),
    ]);
    for (const { status, stderr } of [unknown, other]) {
      expect(status).not.toBe(0);
      expect(stderr).toContain(`The registry at rediss://localhost:${port} cannot be reached: self signed certificate`);
    }
    expect(renamed.status).not.toBe(0);
    expect(renamed.stderr).toMatch(/rediss:\/\/127\.0\.0\.1:\d+ cannot be reached: .*(altname|does not match)/i);
  });
});
