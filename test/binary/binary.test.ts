import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { Executable } from "./executable.ts";

// The first build of a machine compresses the runtime, and its first start unpacks it. Milliseconds.
setDefaultTimeout(120_000);

let executable: Executable;

beforeAll(async () => {
  executable = await Executable.build();
});

afterAll(async () => {
  await executable[Symbol.asyncDispose]();
});

test("--version says the version and the commit that it was built from", async () => {
  const { status, stdout, stderr } = await executable.run(["--version"]);
  const commit = /^msb-mcp (\S+) \(([0-9a-f]{12}(?:\+dirty)?|unknown)\)\n$/.exec(stdout);
  expect(commit?.[1]).toBe(packageJson.version);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("--help goes to stdout and is no error", async () => {
  const { status, stdout, stderr } = await executable.run(["--help"]);
  expect(stdout).toContain("--session-timeout");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("five bad options at once are all reported, each with its value and what is allowed", async () => {
  const { status, stdout, stderr } = await executable.run(
    ["--port", "99999", "--backend=docker", "--session-timeout=0"],
    {
      MCP_LOG_LEVEL: "LOUD",
      MSB_SERVER_URL: "ftp://ada:hunter2@host",
    },
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  for (const expected of [
    '--port: "99999" is not allowed; it must be a whole number from 0 to 65535',
    '--backend: "docker" is not allowed; it must be one of auto, ',
    '--session-timeout: "0" is not allowed; it must be a whole number of seconds from 1 to ',
    'MCP_LOG_LEVEL: "LOUD" is not allowed; it must be one of DEBUG, INFO, WARNING, ERROR',
    'MSB_SERVER_URL: "ftp://***@host" is not allowed; it must be an http:// or https:// URL',
  ]) {
    expect(stderr).toContain(expected);
  }
});

test("an unknown flag is refused with the nearest name", async () => {
  const { status, stderr } = await executable.run(["--sesion-timeout", "5"]);
  expect(status).toBe(2);
  expect(stderr).toContain("--sesion-timeout: no such flag; the nearest is --session-timeout");
});

test("a secret that is not allowed is not shown", async () => {
  const { status, stderr } = await executable.run([], { MCP_AUTH_TOKEN: "hunter2 with spaces" });
  expect(status).toBe(2);
  expect(stderr).toContain("MCP_AUTH_TOKEN");
  expect(stderr).not.toContain("hunter2");
});

test("a port in use ends the program with status 1 and a line that names it", async () => {
  await using other = Bun.serve({ hostname: "localhost", port: 0, fetch: () => new Response() });
  const { status, stdout, stderr } = await executable.run(["--backend=namespace", `--port=${other.port}`]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain(String(other.port));
  expect(stderr).toContain("in use");
  expect(stderr).not.toContain("    at ");
});

test("doctor tells what this machine can run without taking anything from its directory, and its status says whether it is ready", async () => {
  const { status, stdout, stderr } = await executable.run(["doctor", "--json"]);
  const { ready, checks } = JSON.parse(stdout);
  expect({ status, stderr }).toEqual({ status: ready ? 0 : 1, stderr: "" });
  const found = new Map<string, string>(
    checks.map((one: { check: string; status: string }) => [one.check, one.status]),
  );
  if (process.platform === "linux" && process.arch === "x64") {
    const hasFlag = /^flags\s*:.* (?:vmx|svm)\b/m.test(await Bun.file("/proc/cpuinfo").text());
    expect(found.get("CPU virtualization")).toBe(hasFlag ? "ok" : "missing");
    if (!hasFlag) expect(found.get("microVM boot")).toBe("skipped");
    expect(found.get("microVM runtime")).toBe("ok");
  }
  expect(await executable.traces()).toEqual([]);
});

test("microVMs asked for by name where there are none are refused with what is missing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "msb-mcp-no-runtime-"));
  try {
    await writeFile(join(directory, "file"), "");
    const { status, stderr } = await executable.run([
      "--backend=microvm",
      "--port=0",
      `--runtime-dir=${directory}/file`,
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /--backend microvm cannot be had here\. (?:CPU virtualization|\/dev\/kvm|microVM runtime): /,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

describe.skipIf(Bun.which("bwrap") === null)("with bubblewrap", () => {
  test("files planted in the working directory neither run nor change anything", async () => {
    await using server = await executable.serve();
    const answer = await fetch(server.url.replace(/\/mcp\/?$/, "/"));
    expect(await answer.json()).toMatchObject({ status: "healthy", version: packageJson.version });
    expect(await executable.traces()).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("where no file resolves localhost, it is served all the same", async () => {
    const hideHosts = 'mount --bind /dev/null /etc/hosts && exec "$@"';
    await using server = await executable.serve(
      [],
      [...["unshare", "--mount", "--propagation", "private", "sh", "-c", hideHosts, "sh"]],
    );
    expect(server.url).toMatch(/^http:\/\/(?:127\.0\.0\.1|localhost):\d+\/mcp$/);
    expect((await fetch(new URL("/healthz", server.url))).status).toBe(200);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with status 0", async (signal) => {
    const server = await executable.serve();
    expect(await server.end(signal)).toBe(0);
  });
});
