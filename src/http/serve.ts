// MCP over HTTP from its settings: who may call, the app, the socket that listens, and how all of it ends once the server is to stop.

import { type Clock, within } from "../clock.ts";
import type { PeerRoutes } from "../cluster/peers/routes.ts";
import type { Emit } from "../events.ts";
import { StartError } from "../failure.ts";
import type { McpEndpoint } from "../mcp/endpoint.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { type App, type AppOptions, createApp } from "./app.ts";
import { type Authenticator, type AuthMode, createAuthenticator } from "./auth/authenticator.ts";
import { readTokenFile } from "./auth/token-file.ts";
import type { FileLinks } from "./files/links.ts";
import { createGuard } from "./guard.ts";
import { type Listening, type ListenOptions, listen } from "./listen.ts";
import type { Operated } from "./operator.ts";
import type { Status } from "./status.ts";

export type HttpSettings = AccessSettings & {
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly enableCors: boolean;
  readonly maxRequestBytes: number;
  readonly maxTransferBytes: number;
  readonly operatorToken: string | undefined;
  readonly drainTimeoutMs: number | undefined;
  readonly keepSessions: boolean;
};

type AccessSettings = {
  readonly host: string;
  readonly auth: AuthMode;
  readonly authTokens: readonly { readonly principal: string; readonly token: string }[];
  readonly authTokenFile: string | undefined;
  readonly oauthIssuer: string | undefined;
  readonly oauthAudience: string | undefined;
  readonly oauthScopes: readonly string[];
  readonly oauthJwksUrl: string | undefined;
  readonly stateDir: string;
};

/** What is asked for over HTTP, and is to end before the answers to it are cut off. */
export type Served = AsyncDisposable & Operated & Pick<Sessions, "drain" | "untilEmpty" | "withFiles" | Keeping>;
type Keeping = "canBeKept" | "part" | "cancelRest" | "letGo";

type Others = Pick<AppOptions["files"], "handOn"> & {
  readonly answer: PeerRoutes;
  /** A port of their own, over TLS with certificates on both sides. */
  readonly apart: (Pick<ListenOptions, "port"> & { readonly tls: NonNullable<ListenOptions["tls"]> }) | undefined;
};

export type ServeHttpOptions = {
  readonly settings: HttpSettings;
  readonly endpoint: McpEndpoint;
  readonly status: Status;
  readonly sessions: Served;
  readonly links: FileLinks;
  /** Where there are other nodes: what they ask, and what is handed on to them. */
  readonly others?: Others | undefined;
  /** How long running calls may go on once the server is told to stop. */
  readonly drainGraceMs: number;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type ServingHttp = AsyncDisposable & {
  readonly url: string;
  /** Origin at which other nodes are answered. */
  readonly peersAt: string;
  /** What callers are asked for, in a few words for the log. */
  readonly auth: string;
};

/** How long the results of canceled runs may take to be there. Milliseconds. */
const answerGraceMs = 2_000;

/** Throws StartError and Failure `configuration`. */
export async function serveHttp(options: ServeHttpOptions): Promise<ServingHttp> {
  const { settings, endpoint, status, sessions, links, others, drainGraceMs, clock, emit } = options;
  const { host, port, allowedHosts, allowedOrigins, enableCors, maxRequestBytes, maxTransferBytes } = settings;
  const { operatorToken: token, drainTimeoutMs } = settings;
  const authenticator = await openAuthenticator(settings, clock, emit);
  const isTokenRequired = authenticator.access !== "open";
  const guard = createGuard({ listeningHost: host, isTokenRequired, allowedHosts, allowedOrigins });
  const files = { sessions, links, maxTransferBytes, handOn: others?.handOn };
  const app = createApp({
    ...{ endpoint, status, guard, authenticator, enableCors, maxRequestBytes, files, clock, emit },
    operator: token === undefined ? undefined : { token, sessions },
    peers: others && { answer: others.answer, resume: endpoint.resume, isApart: others.apart !== undefined },
  });
  const listening = orExplain(() => listen(app, { hostname: host, port, clock }), host, port);
  const apart = await listenApart(listening, app, { hostname: host, clock }, others?.apart);
  links.listensAt(listening.url);
  /** Sessions go on without this server where they can. */
  const leave = async () => {
    sessions.draining.set("stop", true);
    listening.stopAccepting();
    const parted = Promise.all([sessions.part(), listening.untilAnswered()]);
    await within(parted, drainTimeoutMs ?? drainGraceMs, clock);
    sessions.cancelRest();
    await within(parted, answerGraceMs, clock);
    await sessions.letGo();
    await sessions[Symbol.asyncDispose]();
  };
  const end = async () => {
    if (drainTimeoutMs !== undefined) {
      // Sessions that there are go on being served.
      sessions.draining.set("stop", true);
      await within(sessions.untilEmpty(), drainTimeoutMs, clock);
    }
    listening.stopAccepting();
    apart?.stopAccepting();
    await within(sessions.drain(), drainGraceMs, clock);
    // Before the connections are cut, so that canceled runs are answered and their streams end with the answer.
    await sessions[Symbol.asyncDispose]();
    await within(sessions.drain(), answerGraceMs, clock);
  };
  const stop = async () => {
    await (settings.keepSessions && sessions.canBeKept ? leave() : end());
    // A run that has ended is on its way to its answer.
    await new Promise((resolve) => setImmediate(resolve));
    await endpoint[Symbol.asyncDispose]();
  };
  return {
    url: `${listening.url}/mcp`,
    peersAt: (apart ?? listening).url,
    auth: authenticator.description,
    [Symbol.asyncDispose]: async () => {
      try {
        await stop();
      } finally {
        app.close();
        await Promise.all([listening.close(), apart?.close()]);
      }
    },
  };
}

/** Undefined where other nodes are answered with everybody else, or there are none. Throws StartError, and `listening` is closed then. */
async function listenApart(
  listening: Listening,
  { fetchOfPeers: fetch }: Pick<App, "fetchOfPeers">,
  options: Pick<ListenOptions, "hostname" | "clock">,
  apart: Others["apart"],
): Promise<Listening | undefined> {
  if (apart === undefined || fetch === undefined) return undefined;
  const { port } = apart;
  const flag = "--cluster-port";
  try {
    return orExplain(() => listen({ fetch }, { ...options, ...apart }), options.hostname, port, flag);
  } catch (error) {
    await listening.close();
    throw error;
  }
}

async function openAuthenticator(settings: AccessSettings, clock: Clock, emit: Emit): Promise<Authenticator> {
  const { host, auth, authTokens, authTokenFile, stateDir } = settings;
  const { digests, problems } = authTokenFile === undefined ? noTokens : await readTokenFile(authTokenFile);
  if (problems.length > 0) throw new StartError(problems.join("\n"), { isConfiguration: true });
  return await createAuthenticator({
    ...{ mode: auth, listeningHost: host, tokens: authTokens, digests, stateDir, clock, emit },
    ...oauthOf(settings),
  });
}

const noTokens = { digests: [], problems: [] };

function oauthOf({ oauthIssuer, oauthAudience, oauthScopes, oauthJwksUrl }: AccessSettings) {
  if (oauthIssuer === undefined || oauthAudience === undefined) return {};
  const jwksUrl = oauthJwksUrl === undefined ? {} : { jwksUrl: oauthJwksUrl };
  return { oauth: { issuer: oauthIssuer, audience: oauthAudience, scopes: oauthScopes, ...jwksUrl } };
}

function orExplain(start: () => Listening, host: string, port: number, flag = "--port"): Listening {
  try {
    return start();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "EADDRINUSE" ? `the port is in use; name another one with ${flag}` : String(code ?? error);
    throw new StartError(`cannot listen on ${host}, port ${port}: ${why}`, { isConfiguration: false, cause: error });
  }
}
