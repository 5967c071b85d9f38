// The Elysia app: which path answers what, and what every request to /mcp passes before it is MCP. It decides nothing itself.

import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import type { Clock } from "../clock.ts";
import type { HandedRoutes, PeerRoutes } from "../cluster/peers/routes.ts";
import type { Emit } from "../events.ts";
import type { McpEndpoint } from "../mcp/endpoint.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { metricsContentType } from "../watch/metrics.ts";
import type { Authentication, Authenticator } from "./auth/authenticator.ts";
import { metadataPaths } from "./auth/metadata.ts";
import { createBodyReader } from "./body.ts";
import { corsOptions } from "./cors.ts";
import type { FileLinks } from "./files/links.ts";
import { createFileRoutes, type HandOn } from "./files/routes.ts";
import type { Guard } from "./guard.ts";
import { notFound } from "./not-found.ts";
import { createOperatorRoutes, type OperatorOptions } from "./operator.ts";
import { createProxyWatch } from "./proxy-watch.ts";
import { refuse } from "./refusal.ts";
import type { Status } from "./status.ts";

export type AppOptions = {
  readonly endpoint: Pick<McpEndpoint, "handle">;
  readonly status: Status;
  readonly guard: Guard;
  readonly authenticator: Authenticator;
  readonly enableCors: boolean;
  readonly maxRequestBytes: number;
  readonly files: {
    readonly sessions: Pick<Sessions, "withFiles">;
    readonly links: FileLinks;
    readonly maxTransferBytes: number;
    /** Where there are other nodes. */
    readonly handOn?: HandOn | undefined;
  };
  /** Undefined: there is no operator's token, and their routes are as unknown as any other path. */
  readonly operator?: OperatorOptions | undefined;
  /** Where there are other nodes: what they ask of this one. */
  readonly peers?:
    | {
        readonly answer: PeerRoutes;
        /** They are answered on a port of their own, by `fetchOfPeers`. */
        readonly isApart?: boolean;
        /** A GET of `/mcp` that another node hands on, for a stream that is kept here. */
        readonly resume: (request: Request, caller: { readonly principal: string }) => Response | Promise<Response>;
      }
    | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** How long a request's body may take to arrive. Milliseconds. */
const bodyTimeoutMs = 30_000;

/** Told of a request whose answer is not there when its body is. */
export type Awaited = (request: Request, answer: Promise<Response>) => void;

export type Fetch = (request: Request, awaited?: Awaited) => Response | Promise<Response>;

export type App = {
  readonly fetch: Fetch;
  /**
   * Answers a POST to `/mcp`, which most requests are, as `fetch` does: what Elysia does to find out that it is one takes as long as a quick call
   * takes otherwise. Undefined where Elysia has to see each request.
   */
  readonly postMcp?: Fetch | undefined;
  /** Answers other nodes only. Undefined where there are none. */
  readonly fetchOfPeers?: Fetch | undefined;
  /** Leaves no timer behind. Requests that are on their way go on. */
  readonly close: () => void;
};

export function createApp(options: AppOptions): App {
  const { endpoint, status, guard, authenticator, enableCors, maxRequestBytes, peers, clock, emit } = options;
  const { access } = authenticator;
  const warnOfProxy = createProxyWatch(access === "open", emit);
  const stop = new AbortController();
  const readBody = createBodyReader({ maxBytes: maxRequestBytes, timeoutMs: bodyTimeoutMs }, clock, stop.signal);

  const operator = options.operator && createOperatorRoutes(options.operator, readBody, emit);
  const files = createFileRoutes({ ...options.files, guard, authenticator, clock, emit, stop: stop.signal });

  function answerMcp(request: Request, awaited?: Awaited): Response | Promise<Response> {
    const arrivedMs = clock.monotonicMs();
    warnOfProxy?.(request);
    const refusal = guard.checkHost(request) ?? guard.checkOrigin(request);
    if (refusal !== null) return refuse(refusal, emit);
    const caller = authenticator.authenticate(request);
    return caller instanceof Promise
      ? caller.then((known) => answerCaller(request, known, arrivedMs, awaited))
      : answerCaller(request, caller, arrivedMs, awaited);
  }

  function answerCaller(
    request: Request,
    caller: Authentication,
    arrivedMs: number,
    awaited: Awaited | undefined,
  ): Response | Promise<Response> {
    if (!caller.ok) return refuse(caller.refusal, emit);
    return readBody(request).then((body) => {
      if (!body.ok) return refuse(body.refusal, emit);
      if (body.bytes > 0) emit({ type: "request.received", bytes: body.bytes });
      const answer = endpoint.handle(request, body.text, { principal: caller.principal, arrivedMs });
      if (answer instanceof Promise) awaited?.(request, answer);
      return answer;
    });
  }

  /** Whoever proves nothing finds nothing there. */
  function createAnswerPeer({ answer, resume }: NonNullable<AppOptions["peers"]>) {
    const handed: HandedRoutes = {
      files: files.handed,
      stream: ({ request, principal }) => resume(request, { principal }),
    };
    return async (request: Request) => (await answer(request, handed)) ?? notFound(request, access);
  }

  // Elysia's search for the path begins behind a host of at least four characters; "mcp", as in a compose file, is shorter.
  const app = new Elysia({ handler: { standardHostname: false } });
  // Before everything else: preflights carry no token.
  if (enableCors) app.use(cors(corsOptions(guard.isAllowedOrigin)));
  for (const path of metadataPaths) {
    app.get(path, ({ request }) => {
      const metadata = authenticator.resourceMetadata(request);
      return metadata === undefined ? notFound(request, access) : Response.json(metadata);
    });
  }
  const answerPeer = peers && createAnswerPeer(peers);
  if (answerPeer !== undefined && peers?.isApart !== true) {
    app.all("/cluster/v1/*", ({ request }) => answerPeer(request), { parse: "none" });
  }
  app
    .get("/", async () => Response.json(await status.page()))
    .get("/healthz", () => new Response("ok\n"))
    .get("/readyz", async () => {
      const health = await status.ready();
      return new Response(health.ok ? "ready\n" : `${health.reason}\n`, { status: health.ok ? 200 : 503 });
    })
    .get("/metrics", async ({ request }) => {
      // A page that DNS has been rebound for would read how busy the machine is.
      const refusal = guard.checkHost(request);
      if (refusal !== null) return refuse(refusal, emit);
      return new Response(await status.metrics(), { headers: { "Content-Type": metricsContentType } });
    })
    .all("/drain", ({ request }) => operator?.drain(request) ?? notFound(request, access), { parse: "none" })
    .all("/operator/sessions", ({ request }) => operator?.sessions(request) ?? notFound(request, access), {
      parse: "none",
    })
    .all("/files/*", ({ request }) => files.signed(request), { parse: "none" })
    .all("/sessions/:id/files/*", ({ request }) => files.named(request), { parse: "none" })
    .all("/mcp", ({ request }) => answerMcp(request), { parse: "none" })
    .all("/*", ({ request }) => notFound(request, access), { parse: "none" });
  return {
    fetch: (request, awaited) => {
      const answer = app.fetch(request);
      if (answer instanceof Promise) awaited?.(request, answer);
      return answer;
    },
    postMcp: enableCors ? undefined : answerMcp,
    fetchOfPeers:
      answerPeer &&
      ((request, awaited) => {
        const answer = answerPeer(request);
        awaited?.(request, answer);
        return answer;
      }),
    close: () => stop.abort(),
  };
}
