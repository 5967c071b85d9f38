// `msb-mcp pull` for templates with packages, as the guide has it, in namespace sandboxes and from a folder of wheels.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fencedBlock } from "../docs/blocks.ts";
import { hasPip, type WheelFolder, wheelFolder } from "../sandbox/layers/wheels.ts";

let wheels: WheelFolder;
beforeAll(() => {
  wheels = wheelFolder();
  wheels.add("tinypack", "1.0");
});
afterAll(() => wheels[Symbol.dispose]());

/** Runs a line of the guide. */
function run(line: string, templates: string) {
  const file = join(wheels.root, "templates.toml");
  writeFileSync(file, templates);
  const [, ...argv] = line.trim().replace("/srv/wheels", wheels.path).split(" ");
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, join(import.meta.dir, "../../src/main.ts"), ...argv], {
    env: {
      ...process.env,
      MCP_SANDBOX_BACKEND: "namespace",
      MSB_MCP_STATE_DIR: join(wheels.root, "state"),
      MSB_MCP_TEMPLATES: file,
    },
  });
  return { exitCode, lines: stdout.toString().trim().split("\n") };
}

describe.skipIf(!hasPip)("with the pip of this machine's Python", () => {
  test("the packages of one template are built from a folder of wheels, and are there the next time", async () => {
    const line = await fencedBlock("docs/packages.md", "packages-index");
    const templates =
      '[data]\npackages = ["tinypack==1.0"]\n[other]\nlanguage = "python"\nimage = "a:1"\npackages = ["nothing"]\n';
    const first = run(line, templates);
    expect(first.lines).toContain("data: installing the packages of data, once for all sessions");
    expect(first.lines.at(-1)).toMatch(/^data: ready \(1 package, 1 MB, for \/.*python3 3\.\d+\.\d+\)$/);
    expect(first.exitCode).toBe(0);
    // Without the folder: nothing is fetched any more.
    const again = run(await fencedBlock("docs/packages.md", "packages-pull"), templates);
    expect(again.lines.map((text) => text.split(" (")[0])).toEqual(["data: ready"]);
  }, 60_000);

  test("packages that cannot be had are told, those of other templates are built all the same, and the status is 1", () => {
    const templates =
      '[bad]\nlanguage = "python"\nimage = "a:1"\npackages = ["tinypack==9.0"]\n[good]\nlanguage = "python"\nimage = "a:1"\npackages = ["tinypack==1.0"]\n';
    const { exitCode, lines } = run("msb-mcp pull --package-index python=/srv/wheels", templates);
    expect(exitCode).toBe(1);
    expect(lines.join("\n")).toContain("No matching distribution found for tinypack==9.0");
    expect(lines.at(-1)).toStartWith("good: ready");
  }, 60_000);
});

test("a template that is not there is told with those that are, and the status is 2", () => {
  expect(run("msb-mcp pull --template dat", "")).toEqual({
    exitCode: 2,
    lines: ['--template: "dat" is not allowed; it must be one of python, node, bash, data'],
  });
});
