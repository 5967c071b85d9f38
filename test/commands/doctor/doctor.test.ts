// The whole diagnosis: which backend is ready, and how that is told.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { diagnose } from "../../../src/commands/doctor/doctor.ts";
import { reportJson, reportText } from "../../../src/commands/doctor/report.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { CheckName, Finding } from "../../../src/sandbox/checks/finding.ts";
import type { Microvm } from "../../../src/sandbox/checks/microvm.ts";
import { fencedBlock } from "../../docs/blocks.ts";
import { answering, temporaryFolder } from "../../sandbox/namespace/named-interpreters.ts";
import { Stub } from "../../stub-microsandbox/stub.ts";

// Each diagnosis starts a sandbox of namespaces. Milliseconds.
setDefaultTimeout(60_000);

const signal = new AbortController().signal;
const microvmChecks: readonly CheckName[] = ["CPU virtualization", "/dev/kvm", "microVM runtime", "microVM boot"];

/** Where all is well but for what is named. Nothing is loaded, so no images are looked for. */
function microvm(...broken: readonly CheckName[]): Microvm {
  const look = async () =>
    microvmChecks.map((check): Finding => {
      if (broken.includes(check)) return { check, status: "missing", found: "not here", mend: "Get it." };
      return { check, status: "ok", found: "here" };
    });
  return {
    runtime: () => Promise.reject(new Error("not to be opened")),
    virtualization: { examine: look, recall: look },
    health: async () => ({ ok: true }),
  };
}

async function diagnosis(argv: readonly string[], machine: Microvm, env: Readonly<Record<string, string>> = {}) {
  const homeDir = await mkdtemp(join(tmpdir(), "msb-mcp-doctor-"));
  try {
    const loaded = loadConfig(["doctor", ...argv], env, { cwd: homeDir, homeDir });
    if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
    return await diagnose({ ...loaded, clock: systemClock, microvm: machine }, signal);
  } finally {
    await rm(homeDir, { recursive: true, force: true });
  }
}

test("where microVMs run, auto takes them and the machine is ready, wherever it listens", async () => {
  for (const host of ["localhost", "0.0.0.0"]) {
    const told = await diagnosis(["--host", host], microvm());
    expect(told).toMatchObject({ backend: "microvm", ready: true });
    expect(told.findings.at(-1)).toEqual({ check: "backend", status: "ok", found: "auto takes microvm" });
  }
});

test("microVMs asked for by name are not ready where they lack something, whatever else is", async () => {
  const told = await diagnosis(["--backend", "microvm"], microvm("microVM boot"));
  expect(told).toMatchObject({ backend: null, ready: false });
  expect(reportText(told)).toContain("missing  microVM boot: not here. Get it.\n");
  expect(reportText(told)).toContain("missing  backend: microvm cannot be had here\n");
  expect(reportText(told)).toEndWith("not ready: see what is missing\n");
});

test("on an address of the network auto takes no namespaces, and says what would help", async () => {
  const told = await diagnosis(["--host", "0.0.0.0"], microvm("/dev/kvm"));
  expect(told).toMatchObject({ backend: null, ready: false });
  expect(told.findings.at(-1)?.found).toContain("auto takes none");
  expect(told.findings.at(-1)?.mend).toContain("--server-url");
});

test("a server that is asked for is tried with its key: one that answers is ready, one that does not is not", async () => {
  await using server = await Stub.start({ port: 0 });
  const ready = await diagnosis(["--server-url", server.url], microvm("/dev/kvm"), {
    MSB_API_KEY: await server.apiKey(),
  });
  expect(ready).toMatchObject({ backend: "server", ready: true });
  const wrongKey = await diagnosis(["--server-url", server.url], microvm(), { MSB_API_KEY: "wrong" });
  expect(wrongKey).toMatchObject({ backend: "server", ready: false });
  const down = await diagnosis(["--server-url", "http://127.0.0.1:1"], microvm());
  expect(down).toMatchObject({ backend: "server", ready: false });
});

test("cloud needs its key", async () => {
  expect(await diagnosis(["--backend", "cloud"], microvm("CPU virtualization"))).toMatchObject({ ready: false });
  const told = await diagnosis(["--backend", "cloud"], microvm("CPU virtualization"), { MSB_API_KEY: "hunter2" });
  expect(told).toMatchObject({ backend: "cloud", ready: true });
  expect(reportJson(told, "1")).not.toContain("hunter2");
});

test("a state directory that cannot be written to is not ready, whatever the backend", async () => {
  const told = await diagnosis(["--state-dir", "/proc/nowhere"], microvm());
  expect(told).toMatchObject({ backend: "microvm", ready: false });
  expect(told.findings[0]).toMatchObject({ check: "state directory", status: "missing" });
});

test("the interpreters that namespaces use are told with path and version; one that is too old with what is required", async () => {
  const findingOf = async (...argv: string[]) =>
    (await diagnosis(argv, microvm("/dev/kvm"))).findings.find(({ check }) => check === "interpreters");
  expect(await findingOf()).toMatchObject({
    status: "ok",
    found: expect.stringMatching(
      /^python 3\.\d+\.\d+ \(\/usr\/.*\); node \d+\.\d+\.\d+ \(\/usr\/.*\); bash \d+\.\d+\.\d+ \(\/.*\)$/,
    ),
  });
  using folder = temporaryFolder();
  const node = answering(join(folder.path, "node"), { version: "16.0.0", executable: "/usr/bin/node", prefixes: [] });
  expect(await findingOf("--interpreter", `node=${node}`)).toMatchObject({
    status: "warning",
    found: expect.stringContaining(`${node} has version 16.0.0; sandboxes require 18 or later`),
    mend: expect.stringContaining("--interpreter node=PATH"),
  });
});

test("the guide to backends shows lines that the doctor writes", async () => {
  const block = await fencedBlock("docs/backends.md", "backends-doctor");
  const shown = block.replace("$ msb-mcp doctor\n", "");
  const lines = shown
    .trim()
    .split("\n")
    .filter((line) => line !== "…");
  const told = await diagnosis([], microvm("CPU virtualization"));
  const order = told.findings.map(({ check }) => check);
  const checks = lines.slice(0, -1).map((line) => /^(?:ok|missing|warning|skipped) +(.*?): ./.exec(line)?.[1] ?? line);
  expect(checks.length).toBeGreaterThan(4);
  expect(order.filter((check) => checks.includes(check))).toEqual(checks as CheckName[]);
  expect(lines.at(-1)).toBe("ready: sandboxes come from the namespace backend");
});

test("as JSON it is one object on one line, with every check in the order of the text", async () => {
  const told = await diagnosis([], microvm("CPU virtualization"));
  const json = reportJson(told, "1.2.3");
  expect(json.split("\n")).toEqual([json.trim(), ""]);
  const { checks, ...rest } = JSON.parse(json);
  expect(rest).toMatchObject({ version: "1.2.3", asked: "auto" });
  expect(checks).toEqual(told.findings);
  const lines = reportText(told).split("\n");
  for (const [index, { check, status }] of told.findings.entries()) {
    expect(lines[index]).toStartWith(`${status.padEnd(8)} ${check}: `);
  }
});
