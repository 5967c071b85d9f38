// An agent's afternoon over the backends that need no virtualization; in real microVMs: test/live.

import { afterAll, beforeAll, describe, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "../clients/client.ts";
import { type ServerUnderTest, startServer } from "../clients/server.ts";
import { openTypeScript1 } from "../clients/typescript-1.ts";
import { Stub } from "../stub-microsandbox/stub.ts";
import { spendAfternoon } from "./afternoon.ts";

/** The size is what each way carries in some seconds: a microsandbox server takes bytes through a Python prompt. */
const backends = [
  { backend: "namespace", rows: 300_000, fileBytes: 50_000_000 },
  { backend: "server", rows: 6000, fileBytes: 1_000_000 },
] as const;

const cannotRun = Bun.which("bwrap") === null || Bun.which("curl") === null;

describe.skipIf(cannotRun).each(backends)("with bubblewrap and curl, over $backend", ({ backend, rows, fileBytes }) => {
  let server: ServerUnderTest;
  let client: Client;
  let folder: string;
  let stub: Stub | undefined;

  beforeAll(async () => {
    if (backend === "server") stub = await Stub.start({ dev: true });
    const onStub = stub === undefined ? [] : [`--server-url=${stub.url}`];
    server = await startServer([], [`--backend=${backend}`, ...onStub]);
    client = await openTypeScript1(server, "http");
    folder = await mkdtemp(join(tmpdir(), "msb-mcp-afternoon-"));
  });

  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await stub?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("an afternoon's data come and go beside the conversation, and its charts arrive in it", async () => {
    const callTool: Client["call"] = (tool, args) => client.call(tool, args);
    await spendAfternoon({ callTool, folder, rows, fileBytes });
  }, 240_000);
});
