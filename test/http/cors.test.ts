import { describe, expect, test } from "bun:test";
import { startEdge } from "./browser/edge.ts";

const allowed = "https://app.example.com";
const foreign = "https://evil.example.com";
const token = "the-token-of-the-page-0123";

function preflight(url: string, origin: string): Promise<Response> {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,mcp-protocol-version,mcp-session-id",
  };
  return fetch(url, { method: "OPTIONS", headers });
}

describe("with CORS on", () => {
  test("the preflight of an allowed page is answered without a token, with the headers of MCP and without credentials", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [allowed], token });
    const { status, headers } = await preflight(edge.url, allowed);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(allowed);
    expect(headers.get("vary")).toBe("Origin");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST, PUT, DELETE");
    expect(headers.get("access-control-allow-headers")?.toLowerCase().split(", ").sort()).toEqual([
      "accept",
      "authorization",
      "content-range",
      "content-type",
      "if-match",
      "if-none-match",
      "if-range",
      "last-event-id",
      "mcp-method",
      "mcp-name",
      "mcp-protocol-version",
      "mcp-session-id",
      "range",
    ]);
  });

  test.each([foreign, "null", `${allowed}.evil.com`, "http://app.example.com"])(
    "the page %s is allowed nothing",
    async (origin) => {
      await using edge = await startEdge({ enableCors: true, allowedOrigins: [allowed] });
      for (const response of [await preflight(edge.url, origin), await fetch(edge.url, { headers: { origin } })]) {
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
      }
    },
  );

  test("an allowed page may read refusals, the session id and the challenge", async () => {
    await using edge = await startEdge({ enableCors: true, allowedOrigins: [allowed], token });
    const { status, headers } = await fetch(edge.url, { method: "POST", headers: { origin: allowed }, body: "{}" });
    expect(status).toBe(401);
    expect(headers.get("access-control-allow-origin")).toBe(allowed);
    expect(headers.get("access-control-expose-headers")).toStartWith("Mcp-Session-Id, WWW-Authenticate, ETag,");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });
});

test("with CORS off no answer lets any page read it", async () => {
  await using edge = await startEdge({ enableCors: false, allowedOrigins: [allowed] });
  const { headers } = await preflight(edge.url, allowed);
  expect(headers.get("access-control-allow-origin")).toBeNull();
});
