// The Helm chart by helm itself: what it renders is valid by the schemas of old and new versions of Kubernetes, sets only variables that the server has, and
// has no secret in it; values that are not allowed are refused.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import packageJson from "../../package.json" with { type: "json" };
import { options } from "../../src/config/options.ts";
import { largeGoProgram, pythonPackage } from "./tools.ts";

setDefaultTimeout(180_000);

const chart = join(import.meta.dir, "../../deploy/helm/msb-mcp");
const helm = await largeGoProgram("helm.sh/helm/v3/cmd/helm", "v3.19.0", "the Helm chart by helm");
const validator = await pythonPackage("kubernetes-validate", "1.37.0", "the Helm chart by the schemas of Kubernetes");

/** By name, what a user sets. */
const installations = {
  "as it comes": [],
  "with a registry of the operator's and the hosted backend": [
    "valkey.enabled=false",
    "backend.type=cloud",
    "maxSessionsPerPrincipal=20",
    "networkPolicy.enabled=false",
  ],
  "with microVMs that follow the load": [
    "backend.type=microvm",
    "autoscaling.enabled=true",
    "persistence.storageClass=fast",
    "maxTotalMemoryMb=65536",
    "extraEnv[0].name=MCP_LOG_LEVEL",
    "extraEnv[0].value=DEBUG",
    "podAnnotations.team=agents",
    "nodeSelector.kvm=yes",
    "cluster.tlsSecretName=node-tls",
    "networkPolicy.clientsFrom[0].namespaceSelector.matchLabels.agents=yes",
  ],
} as const;

/** Not of the server: what the chart makes others of. */
const ofTheChart = ["POD_NAME", "POD_NAMESPACE", "REGISTRY_PASSWORD"];

type Container = {
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly resources: { readonly limits?: Readonly<Record<string, string>> };
};
type KubernetesObject = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
    readonly metrics?: readonly { readonly pods: { readonly metric: object; readonly target: object } }[];
  };
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "msb-mcp-chart-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function run(...argv: readonly string[]) {
  const env = { ...process.env, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  const child = Bun.spawn([...argv], { cwd: folder, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

function render(set: readonly string[]) {
  const flags = set.flatMap((value) => ["--set", value]);
  // A helm that was built from source takes an old version for that of the cluster.
  const where = ["--namespace", "sandboxes", "--kube-version", "1.30.0"];
  return run(helm ?? "", "template", "agents", chart, ...where, ...flags);
}

function objectsOf(text: string): readonly KubernetesObject[] {
  const parsed: unknown = Bun.YAML.parse(text);
  return (Array.isArray(parsed) ? parsed : [parsed]).filter((object) => object !== null);
}

test("the chart is of this version of the server", async () => {
  const text = await Bun.file(join(chart, "Chart.yaml")).text();
  expect(Bun.YAML.parse(text)).toMatchObject({ version: packageJson.version, appVersion: packageJson.version });
});

test("the values are allowed by their own schema, and the templates use no others", async () => {
  const values: unknown = Bun.YAML.parse(await Bun.file(join(chart, "values.yaml")).text());
  const validate = new Ajv().compile(await Bun.file(join(chart, "values.schema.json")).json());
  expect({ isValid: validate(values), errors: validate.errors }).toEqual({ isValid: true, errors: null });
  const used = new Set<string>();
  for await (const name of new Bun.Glob("*").scan(join(chart, "templates"))) {
    const text = await Bun.file(join(chart, "templates", name)).text();
    for (const [, path = ""] of text.matchAll(/\.Values((?:\.\w+)+)/g)) used.add(path.slice(1));
  }
  const isThere = (path: string) =>
    path.split(".").reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], values);
  expect(used.size).toBeGreaterThan(20);
  expect([...used].filter((path) => isThere(path) === undefined)).toEqual([]);
});

describe.skipIf(helm === undefined)("rendered by helm", () => {
  test("helm finds nothing to complain of", async () => {
    const { status, stdout, stderr } = await run(helm ?? "", "lint", "--strict", chart);
    expect({ status, said: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, said: "" });
  });

  test.skipIf(validator === undefined)("every object is valid in old and new versions of Kubernetes", async () => {
    const files = await Promise.all(
      Object.entries(installations).map(async ([name, set]) => {
        const { status, stdout, stderr } = await render(set);
        expect({ name, status, stderr }).toEqual({ name, status: 0, stderr: "" });
        const file = join(folder, `${name}.yaml`);
        await Bun.write(file, stdout);
        return file;
      }),
    );
    for (const release of ["1.27", "1.37"]) {
      const flags = ["-m", "kubernetes_validate", "--strict", "--version", release, ...files];
      const { status, stdout, stderr } = await run(validator ?? "", ...flags);
      expect({ release, said: status === 0 ? "" : stdout + stderr }).toEqual({ release, said: "" });
    }
  });

  for (const [name, set] of Object.entries(installations)) {
    test(`${name}: nodes get only variables that the server has, and secrets only by reference`, async () => {
      const objects = objectsOf((await render(set)).stdout);
      const node = objects.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === "agents-msb-mcp");
      const env = node?.spec.template?.spec.containers[0]?.env ?? [];
      const known = [...Object.values(options).map(({ variable }) => variable), ...ofTheChart];
      expect(env.map((entry) => entry.name).filter((variable) => !known.includes(variable))).toEqual([]);
      // The key of a certificate is in a file.
      const secret = env.filter((entry) => /TOKEN|SECRET|PASSWORD|(?<!TLS_)KEY/.test(entry.name));
      expect(secret.length).toBeGreaterThanOrEqual(4);
      for (const entry of secret) expect(entry).toMatchObject({ valueFrom: { secretKeyRef: {} } });
    });
  }

  test("the number of nodes is the autoscaler's where there is one, and a node of microVMs asks for KVM", async () => {
    const objects = objectsOf((await render(installations["with microVMs that follow the load"])).stdout);
    const node = objects.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === "agents-msb-mcp");
    expect(node?.spec.replicas).toBeUndefined();
    expect(node?.spec.template?.spec.containers[0]?.resources.limits).toEqual({
      memory: "2Gi",
      "devices.kubevirt.io/kvm": "1",
    });
    const scaler = objects.find(({ kind }) => kind === "HorizontalPodAutoscaler");
    expect(scaler?.spec.metrics?.[0]?.pods).toEqual({
      metric: { name: "msb_mcp_places_used_ratio" },
      target: { type: "AverageValue", averageValue: "700m" },
    });
  });

  test("with a certificate, nodes reach each other by TLS on a port of their own, where no client is let", async () => {
    const objects = objectsOf((await render(["cluster.tlsSecretName=node-tls"])).stdout);
    const named = (kind: string, name: string) =>
      objects.find((object) => object.kind === kind && object.metadata.name === name);
    const pod = named("StatefulSet", "agents-msb-mcp")?.spec.template?.spec;
    expect(pod?.containers[0]?.env.filter(({ name }) => /CLUSTER_(?:ADDRESS|PORT|TLS)/.test(name))).toEqual([
      {
        name: "MSB_MCP_CLUSTER_ADDRESS",
        value: "https://$(POD_NAME).agents-msb-mcp-nodes.$(POD_NAMESPACE).svc:8001",
      },
      { name: "MSB_MCP_CLUSTER_PORT", value: "8001" },
      { name: "MSB_MCP_CLUSTER_TLS_CERT", value: "/etc/msb-mcp/cluster-tls/tls.crt" },
      { name: "MSB_MCP_CLUSTER_TLS_KEY", value: "/etc/msb-mcp/cluster-tls/tls.key" },
      { name: "MSB_MCP_CLUSTER_TLS_CA", value: "/etc/msb-mcp/cluster-tls/ca.crt" },
    ]);
    expect(pod).toMatchObject({ volumes: [{ name: "cluster-tls", secret: { secretName: "node-tls" } }] });
    expect(named("Service", "agents-msb-mcp-nodes")?.spec).toMatchObject({ ports: [{ name: "nodes", port: 8001 }] });
    const isNode = { podSelector: { matchLabels: { "app.kubernetes.io/component": "node" } } };
    expect(named("NetworkPolicy", "agents-msb-mcp")?.spec).toMatchObject({
      ingress: [
        { ports: [{ port: 8001 }], from: [isNode] },
        { ports: [{ port: "http" }], from: [{ podSelector: {} }] },
      ],
    });
  });

  test.each([
    ["backend.type=docker", "backend"],
    ["cluster.partition=maybe", "partition"],
    ["maxSessions=0", "maxSessions"],
    ["replica=3", "replica"],
  ])("%s is refused, and the message names it", async (value, name) => {
    const { status, stderr } = await render([value]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(name);
  });
});
