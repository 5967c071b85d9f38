// nginx and HAProxy in front of all nodes, with plain round-robin: a call comes to its owner by chance only.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Balancer = AsyncDisposable & { readonly name: string; readonly url: string; readonly pid: number };

/** `nodes`: host and port of each. */
type BalancerOptions = { readonly program: string; readonly port: number; readonly nodes: readonly string[] };

export async function startNginx({ program, port, nodes }: BalancerOptions): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-nginx-"));
  const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const config = `
pid ${folder}/pid;
worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  ${kept.join("\n  ")}
  upstream nodes {
    ${nodes.map((node) => `server ${node} max_fails=1 fail_timeout=1s;`).join("\n    ")}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      proxy_connect_timeout 2s;
      proxy_next_upstream error;
    }
  }
}
`;
  await Bun.write(join(folder, "nginx.conf"), config);
  return await startBalancer("nginx", nginxArgv(program, folder), folder, port);
}

export async function startHaproxy({ program, port, nodes }: BalancerOptions): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-haproxy-"));
  const config = `
global
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option redispatch 1
  retries 3
  retry-on conn-failure
frontend clients
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /healthz
${nodes.map((node, index) => `  server node${index + 1} ${node} check inter 1s fall 1 rise 1`).join("\n")}
`;
  await Bun.write(join(folder, "haproxy.cfg"), config);
  return await startBalancer("haproxy", [program, "-db", "-q", "-f", join(folder, "haproxy.cfg")], folder, port);
}

/** With `nginx.conf` in that folder. */
export function nginxArgv(program: string, folder: string): readonly string[] {
  return [program, "-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf"), "-g", "daemon off;"];
}

/** Resolves once a node answers through it. The folder is removed with it. */
export async function startBalancer(
  name: string,
  argv: readonly string[],
  folder: string,
  port: number,
): Promise<Balancer> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "ignore", stderr: "pipe", detached: true });
  const errors = child.stderr.text();
  const url = `http://127.0.0.1:${port}`;
  for (let trial = 0; ; trial++) {
    const answer = await fetch(new URL("/healthz", url)).catch(() => undefined);
    if (answer?.ok === true) break;
    if (trial > 100 || child.exitCode !== null) {
      child.kill("SIGTERM");
      throw new Error(`${name} does not serve: ${await errors}`);
    }
    await Bun.sleep(50);
  }
  return {
    name,
    url,
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
