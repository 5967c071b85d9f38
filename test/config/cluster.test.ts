import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/load.ts";

const secret = "0123456789abcdef0123456789abcdef";

function load(argv: readonly string[], env: Readonly<Record<string, string>> = { MCP_CLUSTER_SECRET: secret }) {
  return loadConfig(argv, env, { cwd: "/", homeDir: "/" });
}

function problemsOf(...given: Parameters<typeof load>): readonly string[] {
  const loaded = load(...given);
  return loaded.kind === "problems" ? loaded.problems : [];
}

test.each([
  "redis://127.0.0.1:6379",
  "rediss://ada:pw@valkey.example.com:6380/2",
  "redis+sentinel://one:26379,two:26379/primary",
  "redis+cluster://one:6379,two:6379",
])("%p is taken as a registry", (url) => {
  expect(load(["--cluster", url])).toMatchObject({
    config: { cluster: url, clusterName: "msb-mcp", clusterPartition: "serve" },
  });
});

test("without a registry there is no cluster, and a secret that is there does not matter", () => {
  expect(load([])).toMatchObject({ config: { cluster: undefined } });
});

test("a cluster without a secret is refused, and is told how to make one", () => {
  expect(problemsOf(["--cluster=redis://host"], {}).join()).toContain("openssl rand -hex 32");
});

test("who only asks the registry needs no secret", () => {
  expect(load(["nodes", "--cluster=redis://host"], {})).toMatchObject({ kind: "config", command: "nodes" });
});

test("a secret that can be guessed is refused", () => {
  expect(problemsOf([], { MCP_CLUSTER_SECRET: "short" }).join()).toStartWith(
    "MCP_CLUSTER_SECRET: (a secret, not shown) is not allowed; it must be at least 32 visible ASCII characters",
  );
});

test("a server on stdio is no node", () => {
  expect(problemsOf(["--cluster=redis://host", "--transport=stdio"]).join()).toContain("use --transport http");
});

test("a name that is no part of a key is refused", () => {
  expect(problemsOf(["--cluster-name=a:b"]).join()).toContain("1 to 64 letters, digits, dots, - or _");
});

test("TLS between the nodes is given whole, with an https address, or not at all", () => {
  const tls = ["--cluster-port=8443", "--cluster-tls-cert=c.pem", "--cluster-tls-key=k.pem", "--cluster-tls-ca=a.pem"];
  const cluster = ["--cluster=redis://host", "--cluster-address=https://node:8443"];
  expect(load([...cluster, ...tls])).toMatchObject({ kind: "config" });
  const missing = problemsOf([...cluster, "--cluster-tls-cert=c.pem"]).join("\n");
  for (const flag of ["--cluster-port", "--cluster-tls-key", "--cluster-tls-ca"]) expect(missing).toContain(flag);
  const plain = problemsOf(["--cluster=redis://host", "--cluster-address=http://node:8443", ...tls]).join();
  expect(plain).toContain('"http://node:8443" is not allowed with --cluster-tls-cert; it must be https://');
});
