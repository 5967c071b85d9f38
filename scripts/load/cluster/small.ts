// A cluster of a few nodes on one machine, and servers by themselves beside it, to measure with.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Way } from "../ways.ts";
import { oneHost } from "./network.ts";
import { LoadedNode } from "./node.ts";
import { freePorts } from "./ports.ts";
import { LoadedRegistry } from "./registry.ts";

export type SmallOptions = {
  /** What starts msb-mcp. */
  readonly argv: readonly string[];
  /** The program redis-server. */
  readonly redis: string;
  /** Of one cluster. */
  readonly nodes: number;
  /** Without a cluster. */
  readonly servers: number;
  /** Each a cluster of its own. */
  readonly singles: number;
};

/** Ended with `opened`. */
export async function openSmall(opened: AsyncDisposableStack, { argv, redis, nodes, servers, singles }: SmallOptions) {
  const [registryPort = 0, ...ports] = await freePorts(1 + nodes + servers + singles);
  const { registry: spot } = oneHost(1);
  const registry = opened.use(await LoadedRegistry.start(redis, spot, registryPort));
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-measure-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const cluster = { registry: registry.address, name: "measured", secret: crypto.randomUUID() + crypto.randomUUID() };
  const started: LoadedNode[] = [];
  for (const [index, port] of ports.entries()) {
    const isNode = index < nodes;
    const name = `${isNode ? "node" : "server"}-${index + 1}`;
    const single = index < nodes + servers ? undefined : { ...cluster, name };
    const options = { name, argv, stateDir: join(folder, name), port, maxSessions: 10, spot };
    started.push(opened.use(await LoadedNode.start({ ...options, cluster: isNode ? cluster : single })));
  }
  const rest = started.slice(nodes);
  return { nodes: started.slice(0, nodes), servers: rest.slice(0, servers), singles: rest.slice(servers) };
}

export async function openSession(way: Way): Promise<string> {
  const answer = await way.call("execute_code", { code: "1" });
  if (answer.kind === "error") throw new Error(`no session: ${answer.message}`);
  return String(answer.content.session_id);
}
