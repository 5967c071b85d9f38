// A balancer with the very block of docs/cluster.md, on a free port and before nodes on this machine; only addresses are replaced.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Balancer, nginxArgv, startBalancer } from "../../scripts/load/cluster/balancers.ts";
import { freePort } from "./ports.ts";

/** The name in the page, by which clients ask. */
export const publicName = "agents.example.com";

export type BalancerOptions = {
  readonly program: string;
  readonly block: string;
  /** Of the nodes 10.0.0.1, 10.0.0.2 and 10.0.0.3 of the page. */
  readonly nodePorts: readonly number[];
};

export async function startNginx({ program, ...options }: BalancerOptions): Promise<Balancer> {
  const { folder, port, block } = await prepare("nginx", options);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  const site = block.replace("listen 80;", `listen 127.0.0.1:${port};`);
  const whole = `pid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${temporary.join("\n")}\n${site}}\n`;
  await Bun.write(join(folder, "nginx.conf"), whole);
  return await startBalancer("nginx", nginxArgv(program, folder), folder, port);
}

export async function startHaproxy({ program, ...options }: BalancerOptions): Promise<Balancer> {
  const { folder, port, block } = await prepare("haproxy", options);
  const path = join(folder, "haproxy.cfg");
  await Bun.write(path, block.replace("bind :80", `bind 127.0.0.1:${port}`));
  return await startBalancer("haproxy", [program, "-db", "-q", "-f", path], folder, port);
}

export async function startCaddy({ program, ...options }: BalancerOptions): Promise<Balancer> {
  const { folder, port, block } = await prepare("caddy", options);
  const settings = "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n\tstorage file_system FOLDER\n}\n";
  const path = join(folder, "Caddyfile");
  // The test asks by address.
  const site = block.replace(`http://${publicName} {`, `http://:${port} {`);
  await Bun.write(path, settings.replace("FOLDER", folder) + site);
  return await startBalancer("caddy", [program, "run", "--config", path, "--adapter", "caddyfile"], folder, port);
}

export async function startEnvoy({ program, ...options }: BalancerOptions): Promise<Balancer> {
  const { folder, port, block } = await prepare("envoy", options);
  const path = join(folder, "envoy.yaml");
  const listening = block.replace(
    "{ address: 0.0.0.0, port_value: 80 }",
    `{ address: 127.0.0.1, port_value: ${port} }`,
  );
  // The test asks by address.
  await Bun.write(path, listening.replace(`domains: [${publicName}]`, 'domains: ["*"]'));
  const flags = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"];
  return await startBalancer("envoy", [program, "-c", path, ...flags], folder, port);
}

async function prepare(name: string, { block, nodePorts }: Omit<BalancerOptions, "program">) {
  const folder = await mkdtemp(join(tmpdir(), `msb-mcp-${name}-`));
  const placed = nodePorts.reduce(
    (text, port, index) =>
      text
        .replaceAll(`10.0.0.${index + 1}:8000`, `127.0.0.1:${port}`)
        .replaceAll(`address: 10.0.0.${index + 1}, port_value: 8000`, `address: 127.0.0.1, port_value: ${port}`),
    block,
  );
  return { folder, port: await freePort(), block: placed };
}
