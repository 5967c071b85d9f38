// The protocol's own conformance suites, as published, against the fixture server on our edge. No failure is expected, neither of what they
// score nor of what they do not (extensions).

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FixtureServer, startFixtureServer } from "./fixture-server.ts";
import { runSuite, suiteTimeoutMs } from "./run-suite.ts";

let fixture: FixtureServer;
let workDir: string;

beforeAll(async () => {
  fixture = await startFixtureServer();
  workDir = await mkdtemp(join(tmpdir(), "msb-mcp-conformance-"));
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await rm(workDir, { recursive: true });
});

test(
  "0.1.16, active suite: 40 of 40 checks pass",
  async () => {
    const { status, summary } = await runSuite("conformance", { url: fixture.url, workDir });
    expect(summary).toContain("Total: 40 passed, 0 failed");
    expect(status).toBe(0);
  },
  suiteTimeoutMs,
);

test(
  "0.2.0-alpha.12: every requirement of 2025-11-25 is met, and what is not scored too",
  async () => {
    const { status, summary } = await runSuite(
      "conformance-next",
      { url: fixture.url, workDir },
      "--requirements",
      "2025-11-25",
    );
    expect(summary).not.toContain("✗");
    expect(summary).toMatch(/Total: \d\d passed, 0 failed/);
    expect(status).toBe(0);
  },
  suiteTimeoutMs,
);

test(
  "0.2.0-alpha.12: every requirement of 2026-07-28 is met, and what is not scored too: tasks",
  async () => {
    const { status, summary } = await runSuite(
      "conformance-next",
      { url: fixture.url, workDir },
      "--requirements",
      "2026-07-28",
    );
    expect(summary).not.toContain("✗");
    expect(summary).toContain("✓ tasks-lifecycle");
    expect(summary).toMatch(/Total: \d\d\d passed, 0 failed/);
    expect(summary).toContain("✓ server-stateless");
    expect(status).toBe(0);
  },
  suiteTimeoutMs,
);
