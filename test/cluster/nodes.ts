// Nodes of one cluster in this process: each the product's tools over a fake host, on real HTTP at a port of its own, with a registry in memory that all
// share.

import { systemClock } from "../../src/clock.ts";
import { createFileHandOn, createStreamHandOn } from "../../src/cluster/hand-on.ts";
import { createOwnTools } from "../../src/cluster/own-tools.ts";
import { Owners } from "../../src/cluster/owners.ts";
import { createPeers } from "../../src/cluster/peers/client.ts";
import { deriveClusterKeys } from "../../src/cluster/peers/keys.ts";
import { createPeerRoutes } from "../../src/cluster/peers/routes.ts";
import type { PeerTls } from "../../src/cluster/peers/tls.ts";
import type { NodeLoad, Standing } from "../../src/cluster/port.ts";
import { Principals } from "../../src/cluster/principals.ts";
import { Reach } from "../../src/cluster/reach.ts";
import { sessionsAsked } from "../../src/cluster/session-asked.ts";
import { createClusterToolSet } from "../../src/cluster/tool-set.ts";
import { Waiting } from "../../src/cluster/waiting.ts";
import { createApp } from "../../src/http/app.ts";
import { createAuthenticator } from "../../src/http/auth/authenticator.ts";
import { createFileLinks } from "../../src/http/files/links.ts";
import { createGuard } from "../../src/http/guard.ts";
import { listen } from "../../src/http/listen.ts";
import { createStatus } from "../../src/http/status.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { describeServer } from "../../src/mcp/description.ts";
import { createEndpoint } from "../../src/mcp/endpoint.ts";
import { paramHeadersOf } from "../../src/mcp/param-headers.ts";
import { createMcpServer } from "../../src/mcp/server.ts";
import { defaultFlavors } from "../../src/sandbox/flavors.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { tagOf } from "../../src/sessions/ids.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { type FakeLimits, type FakeProcess, sessionsOverFake } from "../fakes/sessions.ts";

export const secret = "a secret of 32 characters or more";
export const keys = deriveClusterKeys(secret, "test");

export type NodeOptions = {
  readonly registry: FakeRegistry;
  /** Names its installation, and so its id. */
  readonly name: string;
  readonly limits?: FakeLimits;
  readonly process?: FakeProcess;
  readonly partition?: "serve" | "refuse";
  readonly patienceMs?: number;
  /** Default: a free one. */
  readonly port?: number;
  readonly proofKey?: Uint8Array;
  /** Other nodes are answered on a port of their own then. */
  readonly tls?: PeerTls;
};

export type TestNode = Awaited<ReturnType<typeof startNode>>;

const tokens = ["alice", "bob"].map((principal) => ({ principal, token: `${principal}-token-0123456789abcdef` }));

export function tokenOf(principal: string): string {
  return `Bearer ${principal}-token-0123456789abcdef`;
}

export async function startNode(options: NodeOptions) {
  const { registry, name, limits = {}, partition = "serve", patienceMs = 10_000, port = 0, tls } = options;
  await using stack = new AsyncDisposableStack();
  const installationId = `installation of ${name}`;
  const id = tagOf(installationId);
  const state = {
    standing: "held" as Standing,
    epoch: undefined as number | undefined,
    isDraining: false,
    knownPeers: [] as readonly string[],
  };
  const epoch = () => state.epoch;
  const standing = () => state.standing;
  const isDraining = () => state.isDraining;
  const clock = systemClock;
  const principals = stack.use(new Principals({ registry, self: id, epoch, clock }));
  const waiting = stack.use(new Waiting({ registry, self: id, principals, clock }));
  const beyond = { ...principals.beyond, onWait: waiting.onWait };
  const fake = stack.use(sessionsOverFake(limits, { ...options.process, installationId, beyond }));
  if (options.process?.ledgerPath !== undefined) fake.sessions.restart();
  const { sessions, host, metrics, conditions, events } = fake;
  const emit = (event: (typeof events)[number]) => void events.push(event);
  const maxTransferBytes = 1_000_000_000;
  const links = createFileLinks({
    ...{ key: keys.linkKey, publicUrl: undefined, maxBytes: maxTransferBytes, lifetimeMs: 3_600_000, clock },
  });
  const run = { flavors: defaultFlavors, defaultFlavor: "small", toolErrors: "auto" } as const;
  const local = createCatalog({
    ...{ ...run, transfers: { kind: "links", mint: links.mint }, sessions, clock: fake.clock, volumes: [] },
    ...{ templates: defaultTemplates, sessionTimeoutMs: 60_000, executionTimeoutMs: 20_000 },
    ...{ maxExecutionTimeoutMs: 86_400_000, executionWaitMs: 50_000, maxOutputBytes: 32_768 },
  });
  const { maxSessionsPerPrincipal, maxMemoryMibPerPrincipal } = limits;
  const defaults = {
    ...({ flavors: defaultFlavors, defaultFlavor: "small", defaultTemplate: "python" } as const),
    ...{ maxSessionsPerPrincipal, maxMemoryMibPerPrincipal },
  };
  const waits = { waiting, sessionOf: sessionsAsked(defaults) };
  const own = createOwnTools({ local, standing, principals, waits, toolErrors: "auto" });
  const owners = new Owners({ registry, self: id, clock });
  const peers = stack.use(createPeers({ self: id, key: options.proofKey ?? keys.proofKey, clock, tls }));
  const reach = new Reach({ owners, clock, patienceMs });
  const forwarded: { readonly node: string; readonly what: string; readonly outcome: string }[] = [];
  const tools = createClusterToolSet({
    ...{ ...run, own, owners, peers, reach, registry, self: id, standing, partition, clock },
    ...defaults,
    isDraining,
    knownPeers: () => state.knownPeers,
    onForwarded: (told) => void forwarded.push(told),
  });
  const description = describeServer("0", undefined);
  const server = createMcpServer(tools, { description, clock, emit });
  const paramHeaders = paramHeadersOf(tools.list());
  const endpoint = stack.use(
    await createEndpoint({ server, description, clock, emit, paramHeaders, sessionKey: keys.sessionKey }),
  );
  const access = { listeningHost: "localhost", allowedHosts: [], allowedOrigins: [] };
  const authenticator = await createAuthenticator({
    ...{ mode: "auto", listeningHost: "localhost", tokens, digests: [], stateDir: "", clock, emit },
  });
  const memory = () => ({ residentBytes: 64_000_000, heapBytes: 32_000_000 });
  const status = createStatus({ host, clock, version: "0", sessions, memory, metrics, conditions, warning: undefined });
  const answer = createPeerRoutes({
    ...{ self: id, epoch, key: keys.proofKey, own, isDraining, clock, emit },
    ...{ maxRequestBytes: 4_194_304, renew: async (renewing) => await registry.renew(renewing) },
  });
  const handOn = createFileHandOn({ own, owners, peers, reach, clock });
  const app = createApp({
    ...{ endpoint, status, guard: createGuard({ ...access, isTokenRequired: true }), authenticator },
    ...{ enableCors: false, maxRequestBytes: 4_194_304, clock, emit },
    files: { sessions, links, maxTransferBytes, handOn },
    peers: {
      answer,
      isApart: tls !== undefined,
      resume: (request) => Response.json({ resumed: request.headers.get("last-event-id"), at: id }),
    },
  });
  const socket = { hostname: "127.0.0.1", port, idleTimeout: 240, maxRequestBodySize: Number.MAX_SAFE_INTEGER };
  const listening = Bun.serve({ ...socket, development: false, fetch: (request) => app.fetch(request) });
  const cut = () => listening.stop(true);
  stack.defer(async () => {
    app.close();
    await cut();
  });
  const base = `http://127.0.0.1:${listening.port}`;
  const { fetchOfPeers } = app;
  const apart =
    tls && fetchOfPeers && listen({ fetch: fetchOfPeers }, { hostname: "127.0.0.1", port: 0, clock: systemClock, tls });
  if (apart !== undefined) stack.defer(() => apart.close());
  links.listensAt(base);
  const { maxSessions } = fake.admission.usage.limits;
  const load: NodeLoad = {
    ...{ sessions: 0, maxSessions, memoryMib: 0, maxMemoryMib: undefined, waiting: 0, ahead: {} },
  };
  const facts = { id, address: apart?.url ?? base, version: "0", hostname: name, startedAt: 0 };
  state.epoch = await registry.register(facts, load, principals.counts);
  const parts = stack.move();
  return {
    ...fake,
    ...{ id, name, state, facts, load, registry, forwarded, principals, peers, owners, links, tools },
    resumeAt: createStreamHandOn({ peers, reach }),
    base,
    port: Number(new URL(base).port),
    /** As if its process was killed. */
    cut,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** So many nodes, with names from "a" on. */
export async function startNodes(count: number, options: Partial<NodeOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const registry = options.registry ?? new FakeRegistry();
  const nodes: TestNode[] = [];
  for (const name of ["a", "b", "c", "d"].slice(0, count)) {
    nodes.push(stack.use(await startNode({ ...options, registry, name })));
  }
  const parts = stack.move();
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error("two nodes are needed");
  return { registry, a, b, nodes, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
