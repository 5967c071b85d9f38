// The composition root: builds every part in the order of a request's way and takes them down in the reverse order.

import { join } from "node:path";
import { type Clock, within } from "./clock.ts";
import type { Config, OptionName } from "./config/options.ts";
import { unknownShares } from "./config/pool.ts";
import type { Emit } from "./events.ts";
import { causeOf, Failure } from "./failure.ts";
import { availableTemplates, createHost } from "./hosts.ts";
import { createApp } from "./http/app.ts";
import { createAuthenticator } from "./http/auth/authenticator.ts";
import { readTokenFile } from "./http/auth/token-file.ts";
import { isLoopback } from "./http/authority.ts";
import { createGuard } from "./http/guard.ts";
import { listen } from "./http/listen.ts";
import { createStatus } from "./http/status.ts";
import { createCatalog } from "./mcp/catalog.ts";
import { createEndpoint } from "./mcp/endpoint.ts";
import type { EdgeLimits } from "./mcp/limits.ts";
import { createMcpServer, type ServerDescription } from "./mcp/server.ts";
import { serveStdio } from "./mcp/stdio.ts";
import type { ToolSet } from "./mcp/tool-set.ts";
import { beyondBackend } from "./sandbox/abilities.ts";
import { checkCloudKey } from "./sandbox/checks/cloud.ts";
import { lineOf } from "./sandbox/checks/finding.ts";
import { prepareMicrovm } from "./sandbox/checks/microvm.ts";
import { checkRuntime } from "./sandbox/checks/runtime.ts";
import { obstacles } from "./sandbox/checks/virtualization.ts";
import { type Choice, chooseBackend } from "./sandbox/choose.ts";
import { keepPrivate } from "./sandbox/microvm/runtime/home.ts";
import type { SandboxHost } from "./sandbox/port.ts";
import { doesServerAnswer } from "./sandbox/server/presence.ts";
import type { Template } from "./sandbox/templates.ts";
import { Admission } from "./sessions/admission.ts";
import { Ledger } from "./sessions/ledger.ts";
import { WarmPool } from "./sessions/pool.ts";
import { Sessions } from "./sessions/sessions.ts";
import { type Installation, openInstallation, openStateDir } from "./state/installation.ts";
import { claimState, type StateClaim } from "./state/state-claim.ts";
import { commit, version } from "./version.ts";
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
};

export type RunningServer = AsyncDisposable & {
  /** Resolves when the server has nothing left to do: the client on stdio has gone. Never for HTTP. */
  readonly finished: Promise<string>;
};

/** It could not start. The message is for the operator. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** What is wrong is what the operator has configured, as far as only a start can tell. */
  readonly isConfiguration: boolean;

  constructor(message: string, options: { readonly isConfiguration: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isConfiguration = options.isConfiguration;
  }
}

/** How long running calls may go on once the server is told to stop. CONTRACT.md section 8. Milliseconds. */
const drainGraceMs = 10_000;

/** How long the results of canceled runs may take to be there. Milliseconds. */
const answerGraceMs = 2_000;

/** A program may write far more than is kept of it: the kept part is what a model can read. */
const leastStopOutputBytes = 64 * 1024 * 1024;

/** Longer than a boot that tries whether microVMs run here may take. Milliseconds. */
const startCheckMs = 180_000;

/** Throws StartError, having taken down again what it had built. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, clock } = options;
  const templates = config.templates.map(({ name }) => name);
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
    throw startError(error);
  }
}

function startError(failure: Failure): StartError {
  return new StartError(failure.message, { isConfiguration: failure.kind === "configuration", cause: failure });
}

async function build(options: ServerOptions, watchers: Watchers): Promise<RunningServer> {
  const { config, emit } = options;
  await using stack = new AsyncDisposableStack();
  if (config.auditFile !== undefined) {
    const { auditFile: path, auditSource: withSource } = config;
    watchers.subscribers.push(stack.use(await openAudit({ path, withSource, clock: options.clock, emit })).emit);
  }
  const { installation, claim } = await openState(options, stack);
  const microvm = prepareMicrovm({
    ...config,
    isRuntimeDirGiven: options.given.has("runtimeDir"),
    clock: options.clock,
  });
  const choice = await chooseBackend({
    asked: config.backend,
    isServerUrlGiven: options.given.has("serverUrl"),
    doesServerAnswer: () => doesServerAnswer(config.serverUrl),
    microvm: async () => obstacles(await microvm.virtualization.recall(AbortSignal.timeout(startCheckMs))).map(lineOf),
    cloud: async () => obstacles([checkCloudKey(config.apiKey), await checkRuntime(microvm.runtime)]).map(lineOf),
    isLoopback: config.transport === "stdio" || isLoopback(config.host),
  });
  // A backend asked for by name was looked at with the configuration; here is the one that `auto` took.
  const beyond = beyondBackend(choice.backend, config.network, config.secrets);
  if (beyond.length > 0) throw new StartError(beyond.join("\n"), { isConfiguration: true });
  if (choice.warning !== undefined) emit({ type: "server.warning", message: choice.warning });
  for (const why of choice.passedOver) emit({ type: "server.warning", message: `No microVMs here: ${why}` });
  if (choice.backend === "microvm" && config.secrets.length > 0) await keepPrivate(config.runtimeHome);
  const host = stack.use(
    createHost({
      backend: choice.backend,
      config,
      installationId: installation.id,
      microvm,
      clock: options.clock,
      emit,
    }),
  );
  const templates = await availableTemplates(host, config, emit);
  const unknown = unknownShares(config.pool, templates);
  if (unknown.length > 0) throw new StartError(unknown.join("\n"), { isConfiguration: true });
  const limits = { ...config, startTimeoutMs: config.sandboxStartTimeoutMs };
  const admission = new Admission({ limits, clock: options.clock, emit });
  const ledger = stack.use(openLedger(options, claim));
  const common = {
    ...options,
    host,
    templates,
    admission,
    ledger,
    ownsSurvivors: claim.isCertain,
    installationId: installation.id,
  };
  const pool = config.pool.length === 0 ? undefined : stack.use(createPool(common));
  const sessions = stack.use(createSessions({ ...common, pool }));
  sessions.restart();
  const tools = createCatalog({
    ...config,
    templates,
    sessions,
    volumes: config.sharedVolumes,
    // What a microsandbox server lets its sandboxes reach is its own affair.
    reach: choice.backend === "server" ? undefined : config,
  });
  const parts = { ...options, ...watchers, stack, installation, claim, choice, host, sessions, tools };
  const running = config.transport === "stdio" ? startStdio(parts) : await startHttp(parts);
  pool?.start();
  return running;
}

/** Who is told of events. */
type Watchers = {
  readonly metrics: Metrics;
  readonly conditions: Conditions;
  /** These two, the log, and the audit file once it is open. */
  readonly subscribers: Emit[];
};

type Parts = ServerOptions &
  Watchers & {
    readonly stack: AsyncDisposableStack;
    readonly installation: Installation;
    readonly claim: StateClaim;
    readonly choice: Choice;
    readonly host: SandboxHost;
    readonly sessions: Sessions;
    readonly tools: ToolSet;
  };

async function startHttp(parts: Parts): Promise<RunningServer> {
  const {
    config,
    clock,
    emit,
    memory,
    metrics,
    conditions,
    stack,
    installation,
    claim,
    choice,
    host,
    sessions,
    tools,
  } = parts;
  const authenticator = await createAuthenticator({
    mode: config.auth,
    listeningHost: config.host,
    tokens: config.authTokens,
    digests: await tokenDigests(config.authTokenFile),
    ...oauthSettings(config),
    stateDir: config.stateDir,
    clock,
    emit,
  });
  const guard = createGuard({
    listeningHost: config.host,
    isTokenRequired: authenticator.access !== "open",
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
  });
  const status = createStatus({ host, clock, version, sessions, memory, metrics, conditions, warning: choice.warning });
  const description = describe(choice);
  const limits = edgeLimits(config);
  const server = createMcpServer(tools, { description, clock, emit, limits });
  const { sessionKey } = installation;
  const endpoint = stack.use(await createEndpoint({ server, description, clock, emit, limits, sessionKey }));
  const { enableCors, maxRequestBytes } = config;
  const app = createApp({ endpoint, status, guard, authenticator, enableCors, maxRequestBytes, clock, emit });
  const listening = listenOrExplain(() => listen(app, { hostname: config.host, port: config.port, clock }), config);
  stack.defer(() => listening.close());
  stack.defer(async () => {
    listening.stopAccepting();
    await within(sessions.drain(), drainGraceMs, clock);
    // Before the connections are cut, so that canceled runs are answered and their streams end with the answer.
    await sessions[Symbol.asyncDispose]();
    await within(sessions.drain(), answerGraceMs, clock);
    // A run that has ended is on its way to its answer.
    await new Promise((resolve) => setImmediate(resolve));
    await endpoint[Symbol.asyncDispose]();
  });
  claim.tellUrl(`${listening.url}/mcp`);
  emit({
    type: "server.listening",
    url: `${listening.url}/mcp`,
    backend: host.backend,
    auth: authenticator.description,
  });
  const parting = stack.move();
  return { finished: new Promise(() => undefined), [Symbol.asyncDispose]: () => parting.disposeAsync() };
}

function startStdio({ clock, emit, config, stack, choice, sessions, tools, ...streams }: Parts): RunningServer {
  const description = describe(choice);
  const limits = edgeLimits(config);
  const server = createMcpServer(tools, { description, clock, emit, limits });
  const served = serveStdio({
    server,
    description,
    input: streams.stdin(),
    write: streams.writeStdout,
    emit,
    // As on a loopback address without a token.
    principal: "local",
    limits,
  });
  stack.defer(async () => {
    await within(sessions.drain(), drainGraceMs, clock);
  });
  const parting = stack.move();
  return {
    finished: served.then(() => "end of input"),
    [Symbol.asyncDispose]: () => parting.disposeAsync(),
  };
}

/** Before the first thing is written: another server on this directory is refused. */
async function openState({ config, pid }: ServerOptions, stack: AsyncDisposableStack) {
  const { stateDir, transport } = config;
  await openStateDir(stateDir);
  const claim = stack.use(claimState(stateDir, transport, pid));
  return { claim, installation: await openInstallation(stateDir, claim.slot) };
}

function openLedger({ clock, emit }: ServerOptions, { folder, isCertain, isFirst }: StateClaim): Ledger {
  // Without a lock, another server may be writing there.
  const path = isCertain ? join(folder, "sessions.db") : undefined;
  if (!isCertain) emit({ type: "ledger.degraded", reason: "the state directory cannot be locked" });
  return new Ledger({ path, isExpected: !isFirst, clock, emit });
}

type SessionParts = ServerOptions & {
  readonly host: SandboxHost;
  readonly templates: readonly Template[];
  readonly admission: Admission;
  readonly ledger: Ledger;
  readonly ownsSurvivors: boolean;
  readonly installationId: string;
};

function createPool({ config, ...parts }: SessionParts): WarmPool {
  const { flavors, pool: shares, sandboxStartTimeoutMs: startTimeoutMs } = config;
  return new WarmPool({ ...parts, flavors, shares, startTimeoutMs });
}

function createSessions({ config, ...parts }: SessionParts & { readonly pool: WarmPool | undefined }): Sessions {
  const { flavors, defaultFlavor, maxOutputBytes } = config;
  const stopOutputBytes = Math.max(leastStopOutputBytes, 2 * maxOutputBytes);
  const limits = { ...config, startTimeoutMs: config.sandboxStartTimeoutMs, stopOutputBytes };
  return new Sessions({ ...parts, flavors, defaultFlavor, limits });
}

function edgeLimits(config: Config): Partial<EdgeLimits> {
  return {
    jsonDepth: config.maxJsonDepth,
    mcpSessions: config.maxMcpSessions,
    requests: config.maxConcurrentRequests,
    requestsPerPrincipal: config.maxConcurrentRequestsPerPrincipal,
    streams: config.maxConcurrentRequests,
    streamsPerPrincipal: config.maxConcurrentRequestsPerPrincipal,
    lineBytes: config.maxRequestBytes,
  };
}

function describe({ warning }: Choice): ServerDescription {
  const instructions =
    "Runs Python, Node.js and shell command lines in isolated sandboxes. Pass the session_id of an earlier result to go on where it " +
    "left off; stop_session when done.";
  return {
    info: { name: "msb-mcp", title: "msb-mcp", version },
    capabilities: { tools: {} },
    instructions: warning === undefined ? instructions : `${instructions} Note: ${warning}`,
  };
}

async function tokenDigests(path: string | undefined) {
  if (path === undefined) return [];
  const { digests, problems } = await readTokenFile(path);
  if (problems.length > 0) throw new StartError(problems.join("\n"), { isConfiguration: true });
  return digests;
}

function oauthSettings({ oauthIssuer, oauthAudience, oauthScopes, oauthJwksUrl }: Config) {
  if (oauthIssuer === undefined || oauthAudience === undefined) return {};
  const jwksUrl = oauthJwksUrl === undefined ? {} : { jwksUrl: oauthJwksUrl };
  return { oauth: { issuer: oauthIssuer, audience: oauthAudience, scopes: oauthScopes, ...jwksUrl } };
}

function listenOrExplain<T>(start: () => T, { host, port }: Config): T {
  try {
    return start();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "EADDRINUSE" ? "the port is in use; name another one with --port" : String(code ?? error);
    throw new StartError(`cannot listen on ${host}, port ${port}: ${why}`, { isConfiguration: false, cause: error });
  }
}
