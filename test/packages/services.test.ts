// The files for service managers and package managers, each tried with the program that reads it, as far as it can be had here.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeServiceFiles } from "../../scripts/releasing/services.ts";
import { targets } from "../../scripts/releasing/targets.ts";
import { debianProgram } from "./debian.ts";
import { pythonPackage } from "./tools.ts";

// Debian's and Python's packages may have to be fetched. Milliseconds.
setDefaultTimeout(180_000);

const version = "7.8.9";
const sums = new Map(targets.map(({ id }) => [`msb-mcp-${id}.tar.gz`, Bun.SHA256.hash(id, "hex")]));

const systemd = debianProgram("systemd-analyze", "systemd", "the systemd unit by systemd-analyze");
const ruby = debianProgram("ruby", "ruby", "the Homebrew formula by ruby");
const python = debianProgram("python3", "python3", "the launchd agent by a parser of property lists");
const kubernetes = await pythonPackage("kubernetes-validate", "1.37.0", "the Kubernetes manifest by its schemas");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "msb-mcp-services-test-"));
  await makeServiceFiles({ version, outDir: folder, sums });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function run(...argv: readonly string[]) {
  const child = Bun.spawn([...argv], { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

function read(name: string): Promise<string> {
  return Bun.file(join(folder, name)).text();
}

test("every file is of the release, and nothing is left to fill in", async () => {
  for (const name of ["msb-mcp.service", "msb-mcp.plist", "msb-mcp.rb", "kubernetes.yaml"]) {
    expect(await read(name)).not.toMatch(/@[A-Z]/);
  }
  expect(await read("kubernetes.yaml")).toContain(`/msb-mcp:${version}"\n`);
});

test("a sum that a template names and the release does not have is an error", async () => {
  const incomplete = new Map([...sums].filter(([name]) => name !== "msb-mcp-darwin-x64.tar.gz"));
  const outDir = join(folder, "incomplete");
  expect(makeServiceFiles({ version, outDir, sums: incomplete })).rejects.toThrow("msb-mcp-darwin-x64.tar.gz");
});

test.skipIf(systemd === undefined)("systemd understands every line of its unit", async () => {
  // The program has to be there.
  const unit = (await read("msb-mcp.service")).replace("/usr/local/bin/msb-mcp", "/bin/true");
  const path = join(folder, "verified", "msb-mcp.service");
  await Bun.write(path, unit);
  expect(await run(systemd ?? "", "verify", "--man=no", path)).toEqual({ status: 0, stdout: "", stderr: "" });
});

test.skipIf(systemd === undefined)(
  "what systemd counts as exposure stays low, in spite of what sandboxes require",
  async () => {
    // From 0, nothing, to 100; 92 is a unit without any of it.
    const { status, stdout, stderr } = await run(
      systemd ?? "",
      ...["security", "--offline=yes", "--threshold=32", "--no-pager", join(folder, "msb-mcp.service")],
    );
    expect({ status, overall: stdout.split("\n").at(-2), stderr }).toMatchObject({ status: 0, stderr: "" });
  },
);

test.skipIf(python === undefined)(
  "the launchd agent is a property list that starts the server and keeps it",
  async () => {
    const program = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    const { status, stdout, stderr } = await run(python ?? "", "-c", program, "msb-mcp.plist");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const agent = JSON.parse(stdout);
    expect(agent).toMatchObject({
      Label: "io.github.msb-mcp.msb-mcp",
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
    });
    expect(agent.ProgramArguments.at(-1)).toBe('exec "$HOME/.local/bin/msb-mcp" 2>>"$HOME/Library/Logs/msb-mcp.log"');
  },
);

test.skipIf(ruby === undefined)(
  "the Homebrew formula is Ruby, and names the sum of each file that it downloads",
  async () => {
    expect(await run(ruby ?? "", "-c", "msb-mcp.rb")).toMatchObject({ status: 0, stdout: "Syntax OK\n" });
    const formula = await read("msb-mcp.rb");
    const pairs = [...formula.matchAll(/url "(\S+)"\n\s+sha256 "(\S+)"/g)];
    expect(pairs).toHaveLength(4);
    for (const [, url = "", sum] of pairs) {
      expect(url).toStartWith("https://github.com/");
      expect(url).toContain(`/v${version}/`);
      expect(sum).toBe(sums.get(url.slice(url.lastIndexOf("/") + 1)));
    }
  },
);

test.skipIf(kubernetes === undefined)(
  "every object of the Kubernetes manifest is valid by the schemas of old and new versions",
  async () => {
    for (const release of ["1.27", "1.37"]) {
      const { status, stdout, stderr } = await run(
        kubernetes ?? "",
        ...["-m", "kubernetes_validate", "--strict", "--version", release, "kubernetes.yaml"],
      );
      expect({ status, failed: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, failed: "" });
    }
  },
);
