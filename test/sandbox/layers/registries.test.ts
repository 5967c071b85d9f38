// Packages of templates from the real registries, through the network policy of the sandbox that builds them, which its users do not have.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { systemClock } from "../../../src/clock.ts";
import { withLayers } from "../../../src/sandbox/layers/host.ts";
import { openLayers } from "../../../src/sandbox/layers/open.ts";
import { packageRegistries } from "../../../src/sandbox/network.ts";
import { packagesOfList } from "../../../src/sandbox/packages.ts";
import type { SandboxHost } from "../../../src/sandbox/port.ts";
import { commonLanguage, type Template } from "../../../src/sandbox/templates.ts";
import { runIn } from "../../contract/port-contract.ts";
import { namespaceHost, nodeTemplate, patienceMs, pythonTemplate, small } from "../namespace/machine.ts";
import { areRegistriesReached } from "../real-registries.ts";

const areReached = await areRegistriesReached();
const hasNpm = Bun.which("npm", { PATH: "/usr/local/bin:/usr/bin" }) !== null;

let root: string;
let host: SandboxHost;
beforeAll(() => {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  root = mkdtempSync("/tmp/msb-mcp-tests/registries-");
  const bare = namespaceHost();
  const settings = { stateDir: root, packageIndexes: {}, maxLayersBytes: 1_000_000_000 };
  host = withLayers(bare, openLayers({ host: bare, settings, clock: systemClock, emit: () => undefined }));
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
}, patienceMs);

function boot(sessionId: string, template: Template, ...items: readonly string[]) {
  const packages = packagesOfList(commonLanguage(template.language), items);
  if ("wrong" in packages) throw new Error(packages.wrong);
  const spec = { sessionId, template: { ...template, name: sessionId, packages }, resources: small };
  return host.create(spec, new AbortController().signal);
}

describe.skipIf(!areReached)("the real registries, where they are reached from this machine", () => {
  test("a template of Python has its packages, by the interpreter's pip or one that is fetched for it, and no network", async () => {
    await using sandbox = await boot("registries-python", pythonTemplate, "tabulate==0.9.0");
    const source = `
import tabulate, urllib.request
print(tabulate.tabulate([[1]], tablefmt="plain"))
try:
    urllib.request.urlopen("https://${packageRegistries[0]}", timeout=5)
except OSError as error:
    print("no network")`;
    expect((await runIn(sandbox, "code", source)).stdout).toBe("1\nno network\n");
  }, 120_000);

  test.skipIf(!hasNpm)(
    "a template of Node.js has its packages for import and require, in code and in scripts of any folder",
    async () => {
      await using sandbox = await boot("registries-node", nodeTemplate, "is-number@7.0.0");
      const code = 'import isNumber from "is-number"; console.log(isNumber(5), require("is-number")("x"));';
      expect((await runIn(sandbox, "code", code)).stdout).toContain("true false\n");
      const script = 'import isNumber from "is-number"; console.log(isNumber(7));';
      const ran = await runIn(
        sandbox,
        "command",
        `mkdir -p a/b; echo '${script}' > a/b/s.mjs; cd /tmp; node ~/a/b/s.mjs`,
      );
      expect(ran.stdout).toBe("true\n");
      // Not /node_modules, which nobody may write to, is what npm takes for the project.
      expect((await runIn(sandbox, "command", "npm prefix")).stdout).toBe("/home/user\n");
    },
    120_000,
  );
});
