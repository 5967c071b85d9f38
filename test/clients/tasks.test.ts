// The official client of MCP tasks, unmodified, over HTTP and over standard input and output, against the server as it is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type ServerUnderTest, startServer, untilSleeping } from "./server.ts";
import { openTaskClient, type TaskClient } from "./tasks.ts";

const noBubblewrap = Bun.which("bwrap") === null;
if (noBubblewrap) console.warn("SKIPPED: the client of MCP tasks: there is no bwrap");

describe.skipIf(noBubblewrap).each(["http", "stdio"] as const)("a client with tasks over %s", (way) => {
  let server: ServerUnderTest;
  let client: TaskClient;
  beforeAll(async () => {
    server = await startServer();
    const [command, ...args] = server.command;
    client = await openTaskClient(
      way === "http"
        ? new StreamableHTTPClientTransport(new URL(server.url))
        : new StdioClientTransport({ command, args, stderr: "ignore" }),
    );
  }, 60_000);
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  test("has the result of a short run at once, and that of a long one as a task's", async () => {
    const short = await client.session.callTool("execute_command", { command: "echo at once" });
    expect(short.kind).toBe("immediate");
    expect((await short.settle()).outcome).toMatchObject({
      ...{ status: "completed", result: { structuredContent: { stdout: "at once\n" } } },
    });
    const long = await client.session.callTool("execute_command", {
      command: "echo begun; sleep 3; echo done; exit 3",
    });
    expect(long.kind).toBe("task");
    const { outcome } = await long.settle();
    expect(outcome).toMatchObject({
      status: "completed",
      result: { isError: true, structuredContent: { stdout: "begun\ndone\n", exit_code: 3 } },
      task: { taskId: expect.stringMatching(/^execution-/) },
    });
  }, 60_000);

  test("cancels a task, and nothing of its run is left", async () => {
    const duration = way === "http" ? "86391" : "86392";
    const endless = await client.session.callTool("execute_command", { command: `sleep ${duration}` });
    expect(endless.kind).toBe("task");
    await untilSleeping(duration, true);
    await endless.cancel();
    await untilSleeping(duration, false);
  }, 60_000);
});
