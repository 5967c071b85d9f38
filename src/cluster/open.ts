// The cluster of a start: what makes this server one node of several, from the registry to the tools of all. Only loaded where there is one.

import { hostname } from "node:os";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events.ts";
import type { McpNode } from "../mcp/node.ts";
import type { ToolErrors } from "../mcp/tool.ts";
import type { ToolSet } from "../mcp/tool-set.ts";
import type { Flavor, Flavors } from "../sandbox/flavors.ts";
import { defaultTemplate, type Template } from "../sandbox/templates.ts";
import type { Beyond } from "../sessions/claims.ts";
import { tagOf } from "../sessions/ids.ts";
import { createFileHandOn, createStreamHandOn } from "./hand-on.ts";
import { type Lease, openLease } from "./lease.ts";
import { createOwnTools } from "./own-tools.ts";
import { Owners } from "./owners.ts";
import { createPeers } from "./peers/client.ts";
import { type ClusterKeys, deriveClusterKeys } from "./peers/keys.ts";
import { createPeerRoutes, type PeerRoutes } from "./peers/routes.ts";
import { type PeerTls, readPeerTls } from "./peers/tls.ts";
import { leaseMs, type NodeLoad, type Registry, RegistryUnreachable, type Renewing, type Standing } from "./port.ts";
import { Principals } from "./principals.ts";
import { Reach } from "./reach.ts";
import { openRegistry } from "./registry/open.ts";
import type { RememberedPeers } from "./remembered-peers.ts";
import { sessionsAsked } from "./session-asked.ts";
import { createClusterToolSet } from "./tool-set.ts";
import { Waiting } from "./waiting.ts";
import { watchedRegistry } from "./watched.ts";

export type ClusterSettings = {
  /** URL of the registry. */
  readonly cluster: string;
  readonly clusterName: string;
  readonly clusterAddress: string | undefined;
  readonly clusterPort: number | undefined;
  readonly clusterTlsCert: string | undefined;
  readonly clusterTlsKey: string | undefined;
  readonly clusterTlsCa: string | undefined;
  readonly clusterPartition: "serve" | "refuse";
  readonly clusterSecret: string;
  readonly host: string;
  readonly flavors: Flavors;
  readonly defaultFlavor: Flavor;
  readonly maxSessionsPerPrincipal: number | undefined;
  readonly maxMemoryMibPerPrincipal: number | undefined;
  readonly admissionWaitMs: number;
  readonly sandboxStartTimeoutMs: number;
  readonly maxRequestBytes: number;
  readonly toolErrors: ToolErrors;
};

export type OpenClusterOptions = {
  readonly settings: ClusterSettings;
  readonly installationId: string;
  readonly version: string;
  readonly templates: readonly Template[];
  readonly clock: Clock;
  readonly emit: Emit;
  readonly remembered: RememberedPeers;
};

/** What the sessions of this node are to the cluster. */
export type OwnSessions = {
  /** Resolves once nothing is left of any. */
  loseAll(why: string): Promise<void>;
  readonly draining: { readonly isOn: boolean; set(by: "registry", isOn: boolean): void };
};

export type ClusterSeat = {
  /** The tools of all nodes. */
  readonly tools: ToolSet;
  readonly node: McpNode;
  readonly routes: PeerRoutes;
  readonly handOn: ReturnType<typeof createFileHandOn>;
  /** Where other nodes are answered, if not where clients are. */
  readonly apart: { readonly port: number; readonly tls: PeerTls } | undefined;
  /** Takes the lease: others may ask this node from now on. `listensAt` is the URL that it is reached at here. Throws StartError. */
  join(listensAt: string, load: () => NodeLoad): Promise<void>;
  /** It is to stop: others place no new sessions here. `keepsSessions`: it is to be started again, and others wait for it. */
  leaveSoon(keepsSessions: boolean): void;
};

export type Cluster = {
  readonly keys: Pick<ClusterKeys, "sessionKey" | "linkKey">;
  /** For the admission of this node. */
  readonly beyond: Beyond;
  /** `lost` until it has joined. */
  readonly standing: () => Standing;
  /** Others should know of a change soon. */
  readonly emit: Emit;
  seat(local: ToolSet, sessions: OwnSessions): ClusterSeat;
};

/** A place is held so much longer than a session may take to be opened: other nodes may have longer times. Milliseconds. */
const spareMs = 60_000;

/** How a node reaches the registry and the other nodes. */
export type Ways = { readonly openRegistry: typeof openRegistry; readonly createPeers: typeof createPeers };

/** What it opens is `stack`'s; the lease is given back last of all. Throws StartError. */
export async function openCluster(
  options: OpenClusterOptions,
  stack: AsyncDisposableStack,
  ways: Ways = { openRegistry, createPeers },
): Promise<Cluster> {
  const { settings, installationId, version, templates, clock, emit } = options;
  const { cluster: url, clusterName: name } = settings;
  const self = tagOf(installationId);
  const keys = deriveClusterKeys(settings.clusterSecret, name);
  const tls = await readPeerTls(settings);
  let lease: Lease | undefined;
  let looksAgain: (() => void) | undefined;
  // What was not heard of this node meanwhile is told at once.
  const onBack = () => {
    looksAgain?.();
    lease?.beatNow();
  };
  const reservationMs = settings.admissionWaitMs + settings.sandboxStartTimeoutMs + spareMs;
  const opened = stack.use(
    await ways.openRegistry({ url, name, leaseMs, reservationMs, mark: keys.registryMark, clock, onBack }),
  );
  const registry = watchedRegistry(opened, clock, emit);
  let isStopping = false;
  stack.defer(async () => await lease?.[Symbol.asyncDispose]());
  const epoch = () => lease?.epoch;
  const standing = () => lease?.standing ?? "lost";
  const principals = stack.use(new Principals({ registry, self, epoch, clock }));
  const waiting = stack.use(new Waiting({ registry, self, principals, clock }));
  const peers = stack.use(ways.createPeers({ self, key: keys.proofKey, clock, tls }));
  const owners = new Owners({ registry, self, clock });
  looksAgain = () => owners.registryIsBack();
  const reach = new Reach({ owners, clock, patienceMs: leaseMs });

  function seat(local: ToolSet, sessions: OwnSessions): ClusterSeat {
    const { clusterPartition: partition, maxRequestBytes, toolErrors } = settings;
    const { flavors, defaultFlavor, maxSessionsPerPrincipal, maxMemoryMibPerPrincipal } = settings;
    const defaults = {
      ...{ flavors, defaultFlavor, defaultTemplate: defaultTemplate(templates) },
      ...{ maxSessionsPerPrincipal, maxMemoryMibPerPrincipal },
    };
    const waits = { waiting, sessionOf: sessionsAsked(defaults) };
    const own = createOwnTools({ local, standing, principals, waits, toolErrors });
    const isDraining = () => isStopping || sessions.draining.isOn;
    const tools = createClusterToolSet({
      ...{ own, owners, peers, reach, registry, self, standing, isDraining, partition, toolErrors, clock },
      ...defaults,
      knownPeers: () => lease?.knownPeers ?? [],
      onForwarded: (told) => emit({ type: "cluster.forwarded", ...told }),
    });
    const renew = (renewing: Renewing) => renewFor(registry, renewing);
    const routes = createPeerRoutes({
      ...{ self, epoch, key: keys.proofKey, own, isDraining, renew, maxRequestBytes, clock, emit },
    });
    const resumeElsewhere = createStreamHandOn({ peers, reach });
    return {
      tools,
      node: { id: self, bus: registry, resumeElsewhere },
      routes,
      apart: tls && { port: settings.clusterPort ?? 0, tls },
      handOn: createFileHandOn({ own, owners, peers, reach, clock }),
      async join(listensAt, load) {
        const address = settings.clusterAddress ?? reachedAt(listensAt, settings.host);
        lease = await openLease({
          ...{ registry, clock, leaseMs, emit, load, isDraining, remembered: options.remembered },
          facts: { id: self, address, version, hostname: hostname(), startedAt: clock.now() },
          principals: () => principals.counts,
          askPeer: (peer, renewing, signal) => peers.renew(peer, renewing, signal),
          endSessions: () => sessions.loseAll("its node had lost touch with the others, who may have told it lost"),
          onDrain: (isToDrain) => sessions.draining.set("registry", isToDrain),
          onPeers: (named) => {
            for (const peer of named) void owners.lookAhead(peer);
          },
        });
      },
      leaveSoon(keepsSessions) {
        isStopping = true;
        if (keepsSessions) lease?.willBeBack();
        lease?.beatNow();
      },
    };
  }

  return {
    keys,
    beyond: { ...principals.beyond, onWait: waiting.onWait },
    standing,
    emit: ({ type }) => {
      if (type === "drain.begun" || type === "drain.taken_back") lease?.beatNow();
    },
    seat,
  };
}

/** For a node that does not reach the registry itself. */
async function renewFor(registry: Registry, renewing: Renewing) {
  try {
    return await registry.renew(renewing);
  } catch (error) {
    if (!(error instanceof RegistryUnreachable)) throw error;
    return "registry-unreachable";
  }
}

/** All addresses of a machine are none that another one could call. */
function reachedAt(listensAt: string, host: string): string {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  if (!isEverywhere) return listensAt;
  const { protocol, port } = new URL(listensAt);
  return `${protocol}//${hostname()}:${port}`;
}
