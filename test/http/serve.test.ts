// How a server that listens ends: at once but for what runs, or once its sessions have ended.

import { expect, test } from "bun:test";
import { serveHttp } from "../../src/http/serve.ts";
import { failureOf } from "../fakes/failures.ts";
import { settle } from "../fakes/fake-clock.ts";
import { fakeLinks } from "../fakes/links.ts";
import { sessionsOverFake } from "../fakes/sessions.ts";
import { startEdge } from "../mcp/edge.ts";

async function serve(drainTimeoutMs: number | undefined) {
  const fake = sessionsOverFake({ sessionTimeoutMs: 3_600_000 }, { drainTimeoutMs });
  const { sessions, clock } = fake;
  const { endpoint } = await startEdge();
  const ready = async () =>
    sessions.draining.isOn ? { ok: false as const, reason: "draining" } : { ok: true as const };
  const serving = await serveHttp({
    settings: {
      ...{
        host: "127.0.0.1",
        port: 0,
        allowedHosts: [],
        allowedOrigins: [],
        enableCors: false,
        auth: "none",
        stateDir: "",
      },
      ...{ maxRequestBytes: 1_000_000, maxTransferBytes: 1_000_000, authTokens: [], authTokenFile: undefined },
      ...{ oauthIssuer: undefined, oauthAudience: undefined, oauthScopes: [], oauthJwksUrl: undefined },
      ...{ operatorToken: undefined, drainTimeoutMs, keepSessions: false },
    },
    status: { page: async () => ({}), ready, metrics: async () => "" },
    ...{ endpoint, sessions, links: fakeLinks(clock), drainGraceMs: 10_000, clock, emit: () => undefined },
  });
  const statusOf = async (path: string) => (await fetch(new URL(path, serving.url))).status;
  return { ...fake, serving, statusOf };
}

test("without --drain-timeout, idle sessions do not hold up the end", async () => {
  const served = await serve(undefined);
  const { sessionId } = (await served.run("print")).session;
  await served.serving[Symbol.asyncDispose]();
  expect((await failureOf(served.run("print", { sessionId }))).message).toContain("shutting down");
  expect(served.host.live.size).toBe(0);
});

test("with --drain-timeout, sessions are served until the last has ended, new ones are refused, and balancers turn away", async () => {
  const served = await serve(600_000);
  const { sessionId } = (await served.run("set x 1")).session;
  const end = served.serving[Symbol.asyncDispose]();
  await settle();
  expect([await served.statusOf("/healthz"), await served.statusOf("/readyz")]).toEqual([200, 503]);
  await served.clock.advance(60_000);
  expect((await served.run("get x", { sessionId })).outcome.stdout).toBe("1\n");
  expect((await failureOf(served.run("print"))).message).toContain("opens no new sessions");
  await served.sessions.stop("alice", sessionId);
  await end;
  await expect(served.statusOf("/healthz")).rejects.toThrow();
});

test("with --drain-timeout, sessions that are left at its end are ended and told so", async () => {
  const served = await serve(600_000);
  const { sessionId } = (await served.run("print")).session;
  const end = served.serving[Symbol.asyncDispose]();
  await settle();
  await served.clock.advance(600_000);
  await end;
  expect(served.host.live.size).toBe(0);
  expect(served.sessions.whyNotActive("alice", sessionId)?.why).toContain("was ended by a shutdown of the server");
});
