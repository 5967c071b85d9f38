// A reverse proxy with the very block of docs/access.md, on a free port and with a certificate of its own; only names of places are replaced.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./ports.ts";

/** The name in the page, by which clients ask. */
export const publicName = "agents.example.com";

export type ReverseProxy = AsyncDisposable & {
  /** Asks through the proxy for a URL of the public name, and trusts its certificate alone. */
  readonly fetch: typeof fetch;
};

export type ProxyOptions = {
  /** A folder of its own. */
  readonly folder: string;
  readonly block: string;
  /** Of msb-mcp, on 127.0.0.1. */
  readonly serverPort: string;
  readonly openssl: string;
};

export async function startNginx(nginx: string, options: ProxyOptions): Promise<ReverseProxy> {
  const { folder, port, block } = await prepare(options);
  const site = block.replace("listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  const whole = `pid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${temporary.join("\n")}\n${site}}\n`;
  await Bun.write(join(folder, "nginx.conf"), whole);
  const argv = [nginx, "-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf"), "-g", "daemon off;"];
  return await run(argv, folder, port);
}

export async function startCaddy(caddy: string, options: ProxyOptions): Promise<ReverseProxy> {
  const { folder, port, block } = await prepare(options);
  const site = block.replace(`${publicName} {`, `https://${publicName}:${port} {`);
  const settings = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n";
  const config = join(folder, "Caddyfile");
  await Bun.write(config, settings + site);
  return await run([caddy, "run", "--config", config, "--adapter", "caddyfile"], folder, port);
}

async function prepare({ folder, block, serverPort, openssl }: ProxyOptions) {
  await mkdir(folder, { recursive: true });
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "certificate.key")];
  const made = Bun.spawnSync([
    ...[openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
    ...[
      "-subj",
      `/CN=${publicName}`,
      "-addext",
      `subjectAltName=DNS:${publicName}`,
      "-keyout",
      key,
      "-out",
      certificate,
    ],
  ]);
  if (!made.success) throw new Error(`openssl made no certificate: ${made.stderr}`);
  const placed = block
    .replaceAll(`/etc/ssl/${publicName}.pem`, certificate)
    .replaceAll(`/etc/ssl/${publicName}.key`, key)
    .replaceAll("127.0.0.1:8000", `127.0.0.1:${serverPort}`);
  return { folder, port: await freePort(), block: placed };
}

async function run(argv: readonly string[], folder: string, port: number): Promise<ReverseProxy> {
  const child = Bun.spawn([...argv], {
    env: { PATH: process.env.PATH ?? "", HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const errors = child.stderr.text();
  const ca = await Bun.file(join(folder, "certificate.pem")).text();
  const through = (input: string | URL | Request, init: RequestInit = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    url.hostname = "127.0.0.1";
    url.port = String(port);
    const headers = new Headers(init.headers);
    headers.set("host", publicName);
    return fetch(url, { ...init, headers, tls: { ca, serverName: publicName } });
  };
  const end = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  // Until it listens, a connection is refused.
  for (let trial = 0; ; trial++) {
    const answer = await through(`https://${publicName}/`).catch(() => undefined);
    if (answer !== undefined) break;
    if (child.exitCode !== null || trial > 100) {
      await end();
      throw new Error(`${argv[0]} does not serve: ${await errors}`);
    }
    await Bun.sleep(50);
  }
  return { fetch: Object.assign(through, { preconnect: fetch.preconnect }), [Symbol.asyncDispose]: end };
}
