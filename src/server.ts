// The composition root: builds every part in the order of a request's way and takes them down in the reverse order.

import { type Clock, within } from "./clock.ts";
import type { Cluster, OpenClusterOptions } from "./cluster/open.ts";
import type { NodeLoad } from "./cluster/port.ts";
import { openRememberedPeers } from "./cluster/remembered-peers.ts";
import { cacheBytesOfOne, leftRunningOfOne } from "./config/callers.ts";
import type { Config, OptionName } from "./config/options.ts";
import { unknownShares } from "./config/pool.ts";
import { commit, version } from "./config/version.ts";
import type { Emit } from "./events.ts";
import { causeOf, Failure, StartError } from "./failure.ts";
import { onlyCaller } from "./http/auth/only-caller.ts";
import { localPrincipal } from "./http/auth/tokens.ts";
import { isLoopback } from "./http/authority.ts";
import { createFileLinks } from "./http/files/links.ts";
import { serveHttp } from "./http/serve.ts";
import { createStatus } from "./http/status.ts";
import { createCatalog } from "./mcp/catalog.ts";
import { describeServer } from "./mcp/description.ts";
import { createEndpoint } from "./mcp/endpoint.ts";
import { edgeLimits } from "./mcp/limits.ts";
import { paramHeadersOf } from "./mcp/param-headers.ts";
import { createMcpServer } from "./mcp/server.ts";
import { serveStdio } from "./mcp/stdio.ts";
import type { TransferWay } from "./mcp/tools/transfer-file.ts";
import { dataTemplate } from "./sandbox/data-template.ts";
import { openHost } from "./sandbox/open.ts";
import { tagOf } from "./sessions/ids.ts";
import { openSessions } from "./sessions/open.ts";
import type { WarmPool } from "./sessions/pool.ts";
import type { Sessions } from "./sessions/sessions.ts";
import { openInstallation, openStateDir } from "./state/installation.ts";
import { claimState } from "./state/state-claim.ts";
import { openAudit } from "./watch/audit.ts";
import { type Conditions, createConditions } from "./watch/conditions.ts";
import { createMetrics, type Metrics, type ProcessMemory } from "./watch/metrics.ts";

export type ServerOptions = {
  readonly config: Config;
  /** The options that were given rather than defaulted. */
  readonly given: ReadonlySet<OptionName>;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly memory: () => ProcessMemory;
  /** Of this process, for people who look for it. */
  readonly pid: number;
  /** For `--transport stdio`. */
  readonly stdin: () => ReadableStream<Uint8Array>;
  readonly writeStdout: (text: string) => void;
  /** Where sandboxes come from, if not from the backends of this machine; for tests. */
  readonly openHost?: typeof openHost;
};

export type RunningServer = AsyncDisposable & {
  /** Resolves when the server has nothing left to do: the client on stdio has gone. Never for HTTP. */
  readonly finished: Promise<string>;
};

/** How long running calls may go on once the server is told to stop. CONTRACT.md section 8. Milliseconds. */
const drainGraceMs = 10_000;

/** Throws StartError, having taken down again what it had built. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, clock } = options;
  const templates = [...new Set([...config.templates, dataTemplate].map(({ name }) => name))];
  const metrics = createMetrics({ version, commit, templates, startedAt: clock.now() });
  const conditions = createConditions();
  const subscribers = [options.emit, metrics.emit, conditions.emit];
  const emit: Emit = (event) => {
    for (const subscriber of subscribers) subscriber(event);
  };
  try {
    return await build({ ...options, emit }, { metrics, conditions, subscribers });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const cause = causeOf(error);
    if (cause !== undefined) emit({ type: "server.refused", reason: error.message, cause });
    throw new StartError(error.message, { isConfiguration: error.kind === "configuration", cause: error });
  }
}

/** Who is told of events. */
type Watchers = {
  readonly metrics: Metrics;
  readonly conditions: Conditions;
  /** These two, the log, and the audit file once it is open. */
  readonly subscribers: Emit[];
};

async function build(options: ServerOptions, watchers: Watchers): Promise<RunningServer> {
  const { config: settings, given, clock, emit } = options;
  const { stateDir, transport, auditFile, auditSource } = settings;
  let nodeId: string | undefined;
  await using stack = new AsyncDisposableStack();
  if (auditFile !== undefined) {
    const audit = await openAudit({ path: auditFile, withSource: auditSource, nodeId: () => nodeId, clock, emit });
    watchers.subscribers.push(stack.use(audit).emit);
  }

  // Before the first thing is written: another server on this directory is refused.
  await openStateDir(stateDir);
  const claim = stack.use(claimState(stateDir, transport, options.pid));
  const { id: installationId, sessionKey, linkKey } = await openInstallation(stateDir, claim.slot);
  if (settings.cluster !== undefined) nodeId = tagOf(installationId);

  const onlyPrincipal = onlyCaller(settings);
  const sandboxes = await (options.openHost ?? openHost)(
    {
      ...{ settings, installationId, clock, emit },
      isServerUrlGiven: given.has("serverUrl"),
      isRuntimeDirGiven: given.has("runtimeDir"),
      cacheBytesOfOne: cacheBytesOfOne(settings, onlyPrincipal !== undefined),
      isLoopback: transport === "stdio" || isLoopback(settings.host),
    },
    stack,
  );
  const { host, choice, templates, packagesOf } = sandboxes;
  const unknown = unknownShares(settings.pool, templates);
  if (unknown.length > 0) throw new StartError(unknown.join("\n"), { isConfiguration: true });

  const { isFirst, isCertain } = claim;
  // Without a lock, another server may be writing there.
  const folder = isCertain ? claim.folder : undefined;
  const cluster = await clusterOf({ ...options, installationId, templates, folder }, stack);
  if (cluster !== undefined) watchers.subscribers.push(cluster.emit);
  const maxLeftRunningPerPrincipal = leftRunningOfOne(settings, onlyPrincipal !== undefined);
  const limited = { ...settings, maxLeftRunningPerPrincipal };
  const { sessions, pool } = openSessions(
    {
      ...{ settings: limited, host, templates, installationId, folder, isFirst, onlyPrincipal, clock, emit },
      beyond: cluster?.beyond,
    },
    stack,
  );

  const { keepSessions } = settings;
  if (keepSessions && !sessions.canBeKept)
    emit({ type: "server.warning", message: cannotKeep(host.backend, isCertain) });

  const { publicUrl, maxTransferBytes: maxBytes, fileUrlLifetimeMs: lifetimeMs } = settings;
  const links = createFileLinks({ key: cluster?.keys.linkKey ?? linkKey, publicUrl, maxBytes, lifetimeMs, clock });
  // What a microsandbox server lets its sandboxes reach is its own affair.
  const reach = choice.backend === "server" ? undefined : settings;
  const transfers: TransferWay =
    transport === "http"
      ? { kind: "links", mint: links.mint }
      : { kind: "folders", dirs: settings.transferDirs, maxBytes, clock, emit };
  const local = createCatalog({
    ...settings,
    ...{ templates, sessions, clock, volumes: settings.sharedVolumes, reach, transfers, packagesOf },
  });
  const seat = cluster?.seat(local, sessions);
  const tools = seat?.tools ?? local;
  const description = describeServer(version, choice.warning);
  const limits = edgeLimits(settings);
  const server = createMcpServer(tools, { description, clock, emit, limits });
  const speech = { server, description, clock, emit, limits };

  let finished = new Promise<string>(() => undefined);
  if (transport === "stdio") {
    // As on a loopback address without a token.
    const principal = localPrincipal;
    const served = serveStdio({ ...speech, input: options.stdin(), write: options.writeStdout, principal });
    finished = served.then(() => "end of input");
    stack.defer(async () => {
      await within(sessions.drain(), drainGraceMs, clock);
    });
  } else {
    const endpoint = stack.use(
      await createEndpoint({
        ...{ ...speech, sessionKey: cluster?.keys.sessionKey ?? sessionKey, node: seat?.node },
        paramHeaders: paramHeadersOf(tools.list()),
      }),
    );
    const { warning } = choice;
    const status = createStatus({
      ...{ ...options, ...watchers, host, version, sessions, warning },
      standing: cluster?.standing,
    });
    const others = seat === undefined ? undefined : { answer: seat.routes, handOn: seat.handOn, apart: seat.apart };
    const serving = stack.use(
      await serveHttp({ settings, endpoint, status, sessions, links, others, drainGraceMs, clock, emit }),
    );
    if (seat !== undefined) {
      // At the very beginning of the end.
      stack.defer(() => seat.leaveSoon(keepSessions && sessions.canBeKept));
      await seat.join(serving.peersAt, () => loadOf(sessions, pool));
    }
    claim.tellUrl(serving.url);
    emit({ type: "server.listening", url: serving.url, backend: host.backend, auth: serving.auth });
  }
  pool?.start();
  const parts = stack.move();
  return { finished, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Undefined where this server is the only one. */
async function clusterOf(
  options: ServerOptions & Pick<OpenClusterOptions, "installationId" | "templates"> & { folder: string | undefined },
  stack: AsyncDisposableStack,
): Promise<Cluster | undefined> {
  const { cluster, clusterSecret } = options.config;
  if (cluster === undefined || clusterSecret === undefined) return undefined;
  // Most servers have no cluster, and start without what it takes.
  const { openCluster } = await import("./cluster/open.ts");
  const remembered = openRememberedPeers(options.folder);
  const settings = { ...options.config, cluster, clusterSecret };
  return await openCluster({ ...options, settings, version, remembered }, stack);
}

function cannotKeep(backend: string, isDirectoryLocked: boolean): string {
  const why = isDirectoryLocked
    ? `sandboxes of the backend ${backend} end with their server, or cannot be taken over`
    : "the state directory cannot be locked";
  return `--keep-sessions has no effect: ${why}. At SIGTERM, sessions are ended.`;
}

function loadOf({ counts }: Sessions, pool: WarmPool | undefined): NodeLoad {
  const { active: sessions, limit: maxSessions, waiting, memoryMib, memoryLimitMib: maxMemoryMib } = counts;
  return { sessions, maxSessions, memoryMib, maxMemoryMib, waiting, ahead: pool?.ready ?? {} };
}
