import { describe, expect, test } from "bun:test";
import { metricsContentType } from "../../src/watch/metrics.ts";
import { serveOverFake } from "../fakes/served.ts";
import { problemsOf, valueIn } from "../watch/exposition.ts";

describe("GET /metrics", () => {
  test("tells, without a token, what calls have come to, in the format Prometheus reads", async () => {
    await using served = await serveOverFake();
    await served.call("execute_code", { code: "print hello" });
    const response = await fetch(new URL("/metrics", served.url));
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe(metricsContentType);
    expect(problemsOf(text)).toEqual([]);
    const series = '{kind="code",ended="exited",success="true"}';
    expect(valueIn(text, "msb_mcp_executions_total", series)).toBe(1);
    expect(valueIn(text, "msb_mcp_calls_total", '{tool="execute_code",outcome="success"}')).toBe(1);
    expect(valueIn(text, "msb_mcp_sessions", '{state="ready",template="python"}')).toBe(1);
    expect(valueIn(text, "msb_mcp_backend_up", '{backend="fake"}')).toBe(1);
  });

  test("is refused to a page that DNS has been rebound for, and the refusal is counted", async () => {
    await using served = await serveOverFake();
    const metrics = new URL("/metrics", served.url);
    const foreign = await fetch(metrics, { headers: { Host: "rebound.example.com" } });
    expect(foreign.status).toBe(403);
    const text = await (await fetch(metrics)).text();
    expect(valueIn(text, "msb_mcp_requests_refused_total", '{status="403",reason="Host not allowed"}')).toBe(1);
  });

  test("tells that the backend is down", async () => {
    await using served = await serveOverFake();
    served.host.healthy = { ok: false, reason: "gone" };
    const text = await (await fetch(new URL("/metrics", served.url))).text();
    expect(valueIn(text, "msb_mcp_backend_up", '{backend="fake"}')).toBe(0);
  });
});

describe("GET /", () => {
  test("shows the sessions by their status", async () => {
    await using served = await serveOverFake();
    await served.call("execute_code", { code: "print hello" });
    expect(await page(served.url)).toMatchObject({
      status: "healthy",
      sessions: { active: 1, limit: 3, starting: 0, ready: 1, busy: 0, stopping: 0 },
    });
  });

  test("tells of orphans and of what cannot be written", async () => {
    await using served = await serveOverFake();
    served.conditions.emit({ type: "orphan.found", name: "msb-1", ageMs: null });
    served.conditions.emit({ type: "ledger.degraded", reason: "SQLITE_FULL: /home/operator" });
    expect(await page(served.url)).toMatchObject({
      orphans: 1,
      warnings: [expect.stringContaining("kept in memory only")],
    });
    const text = await (await fetch(new URL("/metrics", served.url))).text();
    expect(valueIn(text, "msb_mcp_orphans")).toBe(1);
  });

  test("is degraded, with the reason, while the backend does not answer", async () => {
    await using served = await serveOverFake();
    served.host.healthy = { ok: false, reason: "gone" };
    expect(await page(served.url)).toMatchObject({
      status: "degraded",
      wrapper_status: "disconnected",
      backend: { name: "fake", reason: "gone" },
    });
  });
});

async function page(url: URL): Promise<unknown> {
  return await (await fetch(new URL("/", url))).json();
}
