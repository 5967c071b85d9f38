// Both suites against the production server. What it fails are scenarios that call tools, resources and prompts of the suites' own; the lists
// beside this file name each with the reason, and a stale line fails, as does a failure that is not in them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveOverFake } from "../fakes/served.ts";
import { runSuite, suiteTimeoutMs } from "./run-suite.ts";

let served: Awaited<ReturnType<typeof serveOverFake>>;
let workDir: string;

beforeAll(async () => {
  served = await serveOverFake();
  workDir = await mkdtemp(join(tmpdir(), "msb-mcp-conformance-"));
});

afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await rm(workDir, { recursive: true });
});

test.each([
  ["0.1.16, active suite", "conformance", "production-0.1.yml", []],
  ["0.2.0-alpha.12, 2025-11-25", "conformance-next", "production-2025-11-25.yml", ["--requirements", "2025-11-25"]],
  ["0.2.0-alpha.12, 2026-07-28", "conformance-next", "production-2026-07-28.yml", ["--requirements", "2026-07-28"]],
] as const)(
  "%s: the production server fails what its list says, and nothing else",
  async (_, suite, list, args) => {
    const url = served.url.href;
    const expected = ["--expected-failures", join(import.meta.dir, list)];
    const { status } = await runSuite(suite, { url, workDir }, ...args, ...expected);
    expect(status).toBe(0);
  },
  suiteTimeoutMs,
);
