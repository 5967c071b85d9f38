// What a session installs itself, from files in a shared folder: it works at once, in the interpreter that runs.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { runIn } from "../../contract/port-contract.ts";
import { hasPip, type WheelFolder, wheelFolder } from "../layers/wheels.ts";
import { bootOne, namespaceHost, nodeTemplate, patienceMs } from "./machine.ts";

let wheels: WheelFolder;
let host: NamespaceHost;

beforeAll(() => {
  wheels = wheelFolder();
  wheels.add("tinypack", "1.0");
  const folder = join(wheels.path, "package");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "name": "tinypack", "version": "1.0.0", "main": "index.js" }');
  writeFileSync(join(folder, "index.js"), 'exports.say = () => "tinypack 1.0.0";');
  Bun.spawnSync(["tar", "-czf", join(wheels.path, "tinypack-1.0.0.tgz"), "-C", wheels.path, "package"]);
  host = namespaceHost([{ hostPath: wheels.path, guestPath: "/data", readOnly: true }]);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  wheels[Symbol.dispose]();
}, patienceMs);

describe.skipIf(!hasPip)("pip install, with the pip of this machine's Python", () => {
  const install = "pip install --no-index --find-links /data --quiet tinypack";

  test("what a command installs is found by the interpreter that looked for it before, and its programs by the next command", async () => {
    await using sandbox = await bootOne(host, "pip-1");
    expect((await runIn(sandbox, "code", "import tinypack")).stderr).toContain("No module named 'tinypack'");
    expect((await runIn(sandbox, "command", `python3 -m ${install}`)).end).toMatchObject({ exitCode: 0 });
    expect((await runIn(sandbox, "code", "import tinypack; tinypack.say()")).stdout).toBe("tinypack 1.0\n");
    expect((await runIn(sandbox, "command", "tinypack-says")).stdout).toBe("tinypack 1.0\n");
  }, 60_000);

  test("what code installs is found by the next line", async () => {
    await using sandbox = await bootOne(host, "pip-2");
    expect((await runIn(sandbox, "code", `%${install}\nimport tinypack\ntinypack.say()`)).stdout).toContain(
      "tinypack 1.0\n",
    );
  }, 60_000);

  test("a virtual environment is one: what is installed there is seen there alone", async () => {
    await using sandbox = await bootOne(host, "pip-3");
    const steps = [
      "python3 -m venv --without-pip v",
      `python3 -m pip --python v/bin/python ${install.slice("pip ".length)}`,
      "v/bin/python -c 'import tinypack; tinypack.say()'",
      "python3 -c 'import tinypack'",
    ];
    const { stdout, stderr } = await runIn(sandbox, "command", steps.join("; "));
    expect(stdout).toContain("tinypack 1.0\n");
    expect(stderr).toContain("No module named 'tinypack'");
  }, 60_000);
});

describe.skipIf(Bun.which("npm", { PATH: "/usr/local/bin:/usr/bin" }) === null)(
  "npm install, with this machine's npm",
  () => {
    test("what a command installs is there for require and import of code that looked for it before, and for scripts", async () => {
      await using sandbox = await bootOne(host, "npm-1", nodeTemplate);
      const looking =
        'try { require("tinypack") } catch (error) { console.log(error.code) }; await import("tinypack").catch(({ code }) => console.log(code));';
      expect((await runIn(sandbox, "code", looking)).stdout).toContain("MODULE_NOT_FOUND");
      const installed = await runIn(
        sandbox,
        "command",
        "npm install --offline --no-audit --no-fund /data/tinypack-1.0.0.tgz",
      );
      expect(installed.end).toMatchObject({ exitCode: 0 });
      expect((await runIn(sandbox, "code", 'console.log(require("tinypack").say())')).stdout).toContain(
        "tinypack 1.0.0\n",
      );
      const imported = 'import tiny from "tinypack"; console.log(tiny.say());';
      expect((await runIn(sandbox, "code", imported)).stdout).toContain("tinypack 1.0.0\n");
      expect((await runIn(sandbox, "command", `echo '${imported}' > s.mjs; node s.mjs`)).stdout).toBe(
        "tinypack 1.0.0\n",
      );
    }, 60_000);
  },
);
