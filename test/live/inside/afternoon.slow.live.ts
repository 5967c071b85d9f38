// An agent's afternoon in a real microVM, with the compiled program. By name only: a call takes an emulated guest seconds.

import { test } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCurl } from "../../clients/curl.ts";
import { spendAfternoon } from "../../end-to-end/afternoon.ts";
import { program, start } from "./server.ts";

test("an afternoon's data come and go beside the conversation, and its charts arrive in it", async () => {
  await using server = await start({ flags: ["--flavor", "small=1:512", "--execution-wait", "280"] });
  await using client = await openCurl({ url: server.url, command: [program] }, "2026-07-28");
  const folder = await mkdtemp(join(tmpdir(), "afternoon-"));
  await spendAfternoon({ callTool: client.call, folder, rows: 6000, fileBytes: 1_000_000 });
}, 900_000);
