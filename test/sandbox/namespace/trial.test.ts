// A server that cannot make namespace sandboxes says so at its start, instead of serving calls that all fail.

import { expect, setDefaultTimeout, test } from "bun:test";
import { realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guestPath } from "../../../src/sandbox/namespace/tools.ts";
import { startWhole } from "../../end-to-end/server.ts";

setDefaultTimeout(60_000);

const root = join(import.meta.dir, "../../..");
const isRoot = process.getuid?.() === 0;
const complaint = "bubblewrap could not start a sandbox: bwrap: ";

/** Runs msb-mcp through programs that take something away from it. */
async function runThrough(through: readonly string[], argv: readonly string[]) {
  const home = await mkdtemp(join(tmpdir(), "msb-mcp-trial-"));
  try {
    const child = Bun.spawn(
      [...through, process.execPath, join(root, "src/main.ts"), ...argv, "--state-dir", join(home, "state")],
      {
        ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 30_000, killSignal: "SIGKILL" },
        env: { PATH: process.env.PATH ?? "", HOME: home },
      },
    );
    const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { status, stdout, stderr };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** A user namespace in which no other can be made, as in a container or where they are switched off. */
const withoutNamespaces = [
  ...["unshare", "--user", "--map-root-user", "sh", "-c"],
  ...['echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"],
];

/** In a mount namespace of its own, programs that cannot be run. */
function without(paths: readonly string[]): readonly string[] {
  const hide = `while [ "$1" != -- ]; do mount --bind /dev/null "$1" || exit 99; shift; done; shift; exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", hide, "sh", ...paths, "--"];
}

const [pythons = [], nodes = []] = [
  ["python3", "python"],
  ["node", "nodejs"],
].map((names) => [
  ...new Set(
    names
      .flatMap((name) => guestPath.split(":").flatMap((folder) => Bun.which(name, { PATH: folder }) ?? []))
      .map((path) => realpathSync(path)),
  ),
]);

test.skipIf(!isRoot)(
  "where bubblewrap cannot make a sandbox, the start ends with status 2 and bubblewrap's words in the log",
  async () => {
    for (const transport of ["http", "stdio"]) {
      const { status, stderr } = await runThrough(withoutNamespaces, [
        ...["--backend", "namespace", "--port", "0", "--transport", transport, "--log-format", "json"],
      ]);
      const lines = stderr.trim().split("\n");
      expect(lines.at(-1)).toMatch(
        /^msb-mcp: Configuration error: This (?:machine|container) does not let bubblewrap make a sandbox\. /,
      );
      expect(lines.at(-1)).not.toContain(complaint);
      const refused = lines.filter((line) => line.includes('"server.refused"')).map((line) => JSON.parse(line));
      expect(refused).toHaveLength(1);
      expect(refused[0].cause).toContain(complaint);
      expect(stderr).not.toContain("server.listening");
      expect(status).toBe(2);
    }
  },
);

test("the doctor shows bubblewrap's own words, and is not ready", async () => {
  const { status, stdout } = await runThrough(withoutNamespaces, ["doctor", "--backend", "namespace"]);
  expect(stdout).toMatch(/^missing {2}namespaces: This (?:machine|container) does not let bubblewrap make a sandbox/m);
  expect(stdout).toContain(complaint);
  expect(status).toBe(1);
});

test.skipIf(!isRoot)(
  "where no interpreter of any template is there, the start ends with status 2 and says how to get one",
  async () => {
    const { status, stderr } = await runThrough(without([...pythons, ...nodes]), [
      "--backend",
      "namespace",
      "--port",
      "0",
    ]);
    expect(stderr).toContain(
      "msb-mcp: Configuration error: No python interpreter was found where sandboxes can see it",
    );
    expect(stderr).toContain("apt-get install python3");
    expect(status).toBe(2);
  },
);

test.skipIf(!isRoot)("the doctor tells which templates cannot be had for want of their interpreter", async () => {
  const { status, stdout } = await runThrough(without(nodes), ["doctor", "--backend", "namespace"]);
  expect(stdout).toMatch(
    /^warning {2}namespaces: a sandbox of Linux namespaces starts; node is not offered: No node interpreter was found/m,
  );
  expect(status).toBe(0);
});

/** Python cannot start with it; what it writes has the word "encodings". */
const brokenPython = '[python]\nenv = { PYTHONHOME = "/nowhere" }\n';
const brokenNode = '[node]\nenv = { NODE_OPTIONS = "--no-such-option" }\n';

async function templatesFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-templates-"));
  const path = join(folder, "templates.toml");
  await Bun.write(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

test("a template whose interpreter does not start is not offered, the others are", async () => {
  await using file = await templatesFile(brokenPython);
  await using server = await startWhole(["--backend", "namespace", "--templates", file.path]);
  const refused = server.events.filter((event) => event.type === "template.refused");
  expect(refused).toMatchObject([{ template: "python", cause: expect.stringContaining("encodings") }]);
  expect(refused[0]?.reason).toContain("The python interpreter of this machine does not start in a sandbox.");
  expect(refused[0]?.reason).not.toContain("encodings");
  const { tools } = await server.client.listTools();
  const tool = tools.find(({ name }) => name === "execute_code");
  expect(tool?.description).toStartWith("Runs Node.js (default) or bash code ");
  expect(tool?.inputSchema.properties).toMatchObject({
    template: { enum: ["node", "bash"], description: expect.stringContaining("Default: node.") },
  });
  expect(await server.call("execute_code", { code: "process.version[0]" })).toMatchObject({ stdout: "'v'\n" });
});

test("where no interpreter starts, the server does not, and what one wrote is in the log only", async () => {
  await using file = await templatesFile(
    brokenPython + brokenNode + brokenPython.replace("[python]", '[bash]\nlanguage = "python"'),
  );
  const { status, stderr } = await runThrough([], ["--backend", "namespace", "--port", "0", "--templates", file.path]);
  expect(stderr).toMatch(/^msb-mcp: Configuration error: The python interpreter of this machine does not start/m);
  expect(stderr).toMatch(/"server.refused".*"cause":"[^"]*encodings/);
  expect(status).toBe(2);
});

test("a pool of a template that cannot be had is a problem of the start", async () => {
  await using file = await templatesFile(brokenPython);
  const { status, stderr } = await runThrough(
    [],
    ["--backend", "namespace", "--port", "0", "--templates", file.path, "--pool", "python:small=1"],
  );
  expect(stderr).toContain("msb-mcp: --pool (MSB_MCP_POOL): there is no template python; allowed are node");
  expect(status).toBe(2);
});
