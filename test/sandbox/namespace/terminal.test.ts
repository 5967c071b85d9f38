// A terminal's keys are for the server: what they send to its process group does not reach its sandboxes.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { patienceMs } from "./machine.ts";

test(
  "a Ctrl-C in the server's terminal ends neither commands nor interpreters of its sandboxes",
  async () => {
    const stateDir = `/tmp/msb-mcp-tests/terminal-${Bun.nanoseconds()}`;
    const server = Bun.spawn([process.execPath, join(import.meta.dir, "server-in-terminal.ts"), stateDir], {
      stdout: "pipe",
      stderr: "inherit",
      // As a shell with job control starts it: at the head of a process group of its own.
      detached: true,
    });
    using _ = { [Symbol.dispose]: () => server.kill("SIGKILL") };
    let said = "";
    for await (const bytes of server.stdout) {
      const isFirst = said === "";
      said += Buffer.from(bytes).toString();
      if (isFirst) process.kill(-server.pid, "SIGINT");
    }
    expect(said).toBe(`ready\n${JSON.stringify({ command: "on\ndone\n", code: "'kept'\n" })}\n`);
    expect(await server.exited).toBe(0);
  },
  patienceMs,
);
