// The blocks of nginx and Caddy in docs/access.md, as they stand there: TLS, the path prefix, and progress that comes while a program runs.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { debianProgram } from "../packages/debian.ts";
import { fencedBlock } from "./blocks.ts";
import { publicName, type ReverseProxy, startCaddy, startNginx } from "./proxy.ts";
import { Shell } from "./shell.ts";

setDefaultTimeout(60_000);

const endpoint = `https://${publicName}/sandbox/mcp`;
const token = "the-token-of-ada-0123456789";
const authorization = { Authorization: `Bearer ${token}` };

const hasBubblewrap = Bun.which("bwrap") !== null;
const openssl = hasBubblewrap ? debianProgram("openssl", "openssl", "reverse proxies") : undefined;

/** Longer than any test waits. Seconds. */
const patienceS = 30;

/** Says something, and goes on only once somebody has heard it. */
const waitsToBeHeard = `
import os, time
print("are you there?", flush=True)
for _ in range(${patienceS * 20}):
    if os.path.exists("/shared/NAME"): break
    time.sleep(0.05)
else: raise SystemExit("nobody heard it")
print("then I go on")
`;

describe.each([
  {
    name: "nginx",
    program: openssl && debianProgram("nginx", "nginx-light", "docs/access.md's nginx block"),
    start: startNginx,
    block: "access-nginx",
  },
  {
    name: "caddy",
    program: openssl && debianProgram("caddy", "caddy", "docs/access.md's Caddy block"),
    start: startCaddy,
    block: "access-caddy",
  },
])("$name", ({ name, program, start, block }) => {
  describe.skipIf(program === undefined)("with the block of the page", () => {
    const opened = new AsyncDisposableStack();
    let shell: Shell;
    let proxy: ReverseProxy;

    beforeAll(async () => {
      shell = opened.use(await Shell.open());
      const served = await shell.serve('mkdir -p shared; exec msb-mcp --shared-volume "$PWD/shared:/shared"', {
        MCP_AUTH_TOKEN: `ada=${token}`,
        // Nobody asks this issuer: the tests have a token.
        MCP_OAUTH_ISSUER: "https://login.example.com",
        MCP_OAUTH_AUDIENCE: endpoint,
      });
      opened.use(served);
      proxy = opened.use(
        await start(program ?? "", {
          folder: join(shell.home, name),
          block: await fencedBlock("docs/access.md", block),
          serverPort: new URL(served.url ?? "").port,
          openssl: openssl ?? "",
        }),
      );
    });

    afterAll(async () => {
      await opened.disposeAsync();
    });

    test("an MCP client connects, hears of a run while it goes on, and ends its session", async () => {
      const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
        fetch: proxy.fetch,
        requestInit: { headers: authorization },
      });
      const client = new Client({ name: "behind-a-proxy", version: "1" });
      await client.connect(transport);
      const { sessionId } = transport;
      expect(sessionId).toBeString();

      const heard: string[] = [];
      const code = waitsToBeHeard.replace("NAME", name);
      const result = await client.callTool({ name: "execute_code", arguments: { code } }, undefined, {
        onprogress: ({ message = "" }) => {
          heard.push(message);
          if (heard.join("").includes("are you there?")) void Bun.write(join(shell.home, "shared", name), "");
        },
      });
      expect(heard.join("")).toContain("are you there?");
      expect(result.structuredContent).toMatchObject({ success: true, stdout: "are you there?\nthen I go on\n" });

      await transport.terminateSession();
      await client.close();
      const gone = await proxy.fetch(endpoint, {
        method: "POST",
        headers: {
          ...authorization,
          "Content-Type": "application/json",
          Accept: "application/json, text/event-stream",
          "Mcp-Session-Id": sessionId ?? "",
          "MCP-Protocol-Version": "2025-11-25",
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
      });
      expect(gone.status).toBe(404);
    });

    test("a client without a token is told where to get one, by a URL that leads through the proxy", async () => {
      const refused = await proxy.fetch(endpoint, { method: "POST" });
      expect(refused.status).toBe(401);
      const [, url = ""] = /resource_metadata="([^"]+)"/.exec(refused.headers.get("WWW-Authenticate") ?? "") ?? [];
      expect(url).toStartWith(`https://${publicName}/`);
      const metadata = await proxy.fetch(url);
      expect(await metadata.json()).toMatchObject({
        resource: endpoint,
        authorization_servers: ["https://login.example.com"],
      });
    });

    test("what is not below the prefix is not the server's", async () => {
      const elsewhere = await proxy.fetch(`https://${publicName}/mcp`, { method: "POST", headers: authorization });
      // nginx has nothing there, Caddy answers with an empty page.
      expect(elsewhere.headers.get("content-type") ?? "").not.toContain("json");
    });
  });
});
