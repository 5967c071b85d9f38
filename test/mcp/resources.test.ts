// The files of sandboxes as resources, in the three ways of MCP.

import { describe, expect, test } from "bun:test";
import { getToolUiResourceUri } from "@modelcontextprotocol/ext-apps/app-bridge";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import { resultPageText } from "../../src/mcp/apps/page.ts";
import { readSandboxUri, sandboxUri } from "../../src/mcp/resources/uri.ts";
import { serveFiles } from "./tools/with-files.ts";

const page = {
  uri: "ui://msb-mcp/result",
  name: "result",
  title: "Result of a run",
  description: expect.any(String),
  mimeType: "text/html;profile=mcp-app",
  _meta: { ui: { csp: expect.any(Object), prefersBorder: true } },
};
const template = "sandbox://{session_id}/{+path}";

async function ask(url: URL, method: string, params: object, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const body = (await response.json()) as { readonly result?: object; readonly error?: object };
  return body;
}

function ask2026(url: URL, method: string, params: object & { readonly uri?: string } = {}) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const headers = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": method,
    ...(params.uri !== undefined && { "Mcp-Name": params.uri }),
  };
  return ask(url, method, { ...params, _meta }, headers);
}

describe("the page of MCP Apps", () => {
  test("is named by the tools whose results it shows, and read as the resource that they name", async () => {
    await using served = await serveFiles();
    const { tools } = await served.client.listTools();
    const shown = tools
      .filter((tool) => getToolUiResourceUri({ _meta: tool._meta }) === page.uri)
      .map(({ name }) => name);
    expect(shown).toEqual(["execute_code", "execute_command", "get_execution"]);
    const { contents } = await served.client.readResource({ uri: page.uri });
    expect(contents).toMatchObject([{ uri: page.uri, mimeType: page.mimeType, text: resultPageText() }]);
    await expect(served.client.readResource({ uri: "ui://msb-mcp/other" })).rejects.toThrow("Resource not found");
  });
});

describe("a client of 2025", () => {
  test("finds the template and the page, and reads text as text", async () => {
    await using served = await serveFiles();
    const { client, session_id } = served;
    served.disk.put("data/a.csv", "\ufeffx,y\r\n1,2\r\n");
    expect(client.getServerCapabilities()?.resources).toEqual({});
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([{ uriTemplate: template }]);
    expect((await client.listResources()).resources).toEqual([page]);
    for (const path of ["data/a.csv", "/home/user/data/a.csv", "%2Fhome%2Fuser%2Fdata%2Fa.csv"]) {
      const uri = `sandbox://${session_id}/${path}`;
      expect((await client.readResource({ uri })).contents).toEqual([
        { uri, mimeType: "text/csv", text: "x,y\r\n1,2\r\n" },
      ]);
    }
  });

  test("reads anything else as a blob", async () => {
    await using served = await serveFiles();
    const bytes = Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0xff]);
    served.disk.put("a.zip", bytes);
    const uri = `sandbox://${served.session_id}/a.zip`;
    expect((await served.client.readResource({ uri })).contents).toEqual([
      { uri, mimeType: "application/zip", blob: bytes.toString("base64") },
    ]);
  });

  test.each([
    ["none.txt", -32002, "File not found: There is no"],
    [
      "large.txt",
      -32602,
      "has 900000 bytes; a resource may have 880000. Read a part of it with read_file, or download",
    ],
    ["large.bin", -32602, "has 600000 bytes; a resource may have 525000."],
    ["escapes.txt", -32602, "has 300000 bytes; a resource may have 880000."],
    ["", -32602, "names none"],
  ])("is told why %s cannot be read", async (name, code, message) => {
    await using served = await serveFiles();
    served.disk.put("large.txt", "x".repeat(900_000));
    served.disk.put("large.bin", new Uint8Array(600_000));
    served.disk.put("escapes.txt", "\u001b".repeat(300_000));
    const uri = `sandbox://${served.session_id}/${name}`;
    const error = await served.client.readResource({ uri }).catch((reason: unknown) => reason);
    if (!(error instanceof McpError)) throw new Error("it was read");
    expect(error.message).toContain(message);
    expect(error.code).toBe(name === "" ? -32002 : code);
    expect(error.data).toMatchObject({ uri });
  });

  test("is told that there is no such session", async () => {
    await using served = await serveFiles();
    const reading = served.client.readResource({ uri: "sandbox://session-x/a.txt" });
    await expect(reading).rejects.toThrow("Session not found: ");
  });
});

describe("a client of 2026-07-28", () => {
  test("is told the capability, and how long answers hold", async () => {
    await using served = await serveFiles();
    served.disk.put("a.txt", "one\n");
    expect((await ask2026(served.url, "server/discover")).result).toMatchObject({ capabilities: { resources: {} } });
    expect((await ask2026(served.url, "resources/list")).result).toMatchObject({
      ...{ resultType: "complete", resources: [page], ttlMs: 300_000, cacheScope: "public" },
    });
    expect((await ask2026(served.url, "resources/templates/list")).result).toMatchObject({
      ...{ resourceTemplates: [{ uriTemplate: template }], ttlMs: 300_000, cacheScope: "public" },
    });
    const uri = `sandbox://${served.session_id}/a.txt`;
    expect((await ask2026(served.url, "resources/read", { uri })).result).toMatchObject({
      resultType: "complete",
      contents: [{ uri, mimeType: "text/plain", text: "one\n" }],
      ttlMs: 0,
      cacheScope: "private",
    });
  });

  test("is told with its own code what is not there", async () => {
    await using served = await serveFiles();
    for (const uri of [`sandbox://${served.session_id}/none`, "file:///etc/passwd", "sandbox://"]) {
      const { error } = await ask2026(served.url, "resources/read", { uri });
      expect(error).toMatchObject({ code: -32602, data: { uri } });
    }
  });
});

test("a program asks for a resource without any of that", async () => {
  await using served = await serveFiles();
  served.disk.put("a.txt", "one\n");
  const uri = `sandbox://${served.session_id}/a.txt`;
  expect((await ask(served.url, "resources/read", { uri })).result).toEqual({
    contents: [{ uri, mimeType: "text/plain", text: "one\n" }],
  });
  expect((await ask(served.url, "resources/read", {})).error).toMatchObject({ code: -32602 });
  expect(served.events).toContainEqual(
    expect.objectContaining({ type: "call.ended", tool: "resources/read", outcome: "success" }),
  );
});

test.each(["/home/user/a b.txt", "a?b#c.txt", "100%.txt", "漢/é.txt", "a\nb", "no UTF-8 \udcff", "$'x'"])(
  "%j is a URI and back",
  (path) => {
    const uri = sandboxUri("session-1", path);
    expect(uri).toMatch(/^sandbox:\/\/session-1\/[\w.~/%-]+$/);
    expect(readSandboxUri(uri)).toEqual({ sessionId: "session-1", path });
    expect(readSandboxUri(`sandbox://session-1/${encodeURI("漢 b?x#y")}`)).toEqual({
      ...{ sessionId: "session-1", path: "漢 b?x#y" },
    });
  },
);

test.each(["sandbox://session-1", "sandbox://session-1/", "sandbox:///a", "sandbox://s/%zz", "sandbox://s/%4"])(
  "%s is none",
  (uri) => {
    expect(readSandboxUri(uri)).toBeUndefined();
  },
);
