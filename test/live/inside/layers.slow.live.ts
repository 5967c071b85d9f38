// Packages of a template in real microVMs: installed in one, by a pip that comes with them, mounted read-only into others.

import { expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import { withLayers } from "../../../src/sandbox/layers/host.ts";
import { openLayers } from "../../../src/sandbox/layers/open.ts";
import { packagesOfList } from "../../../src/sandbox/packages.ts";
import { runIn } from "../../contract/port-contract.ts";
import { wheelFolder } from "../../sandbox/layers/wheels.ts";
import { createHost, templateOf } from "./host.ts";

/** Of the machine that the tests were started on: test/live/run.sh. */
const pipFolder = "/app/wheels";
const pips = existsSync(pipFolder) ? readdirSync(pipFolder) : [];

test.skipIf(pips.length === 0)(
  "a layer is built in one microVM, and is there in others, where nobody can change it (pip's wheel of python3-venv)",
  async () => {
    using wheels = wheelFolder();
    wheels.add("tinypack", "1.0");
    for (const name of pips) copyFileSync(join(pipFolder, name), join(wheels.path, name));
    const packages = packagesOfList("python", ["tinypack==1.0"]);
    if ("wrong" in packages) throw new Error(packages.wrong);
    const template = { ...templateOf("python"), name: "tiny", packages };
    const events: Event[] = [];
    const bare = createHost();
    const packageIndexes = { python: { kind: "folder", path: wheels.path } } as const;
    const settings = { stateDir: wheels.root, packageIndexes, maxLayersBytes: 1_000_000_000 };
    const layers = openLayers({ host: bare, settings, clock: systemClock, emit: (event) => void events.push(event) });
    await using host = withLayers(bare, layers);
    for (const sessionId of ["layer-first", "layer-second"]) {
      const spec = { sessionId, template, resources: { cpus: 1, memoryMib: 256 } };
      await using sandbox = await host.create(spec, new AbortController().signal);
      const source = `
import tinypack
tinypack.say()
try:
    open(tinypack.__file__, "w")
except OSError as error:
    print(error.strerror)`;
      expect((await runIn(sandbox, "code", source)).stdout).toBe("tinypack 1.0\nRead-only file system\n");
      expect((await runIn(sandbox, "command", "tinypack-says")).stdout).toBe("tinypack 1.0\n");
    }
    expect(events.filter(({ type }) => type === "layer.built")).toHaveLength(1);
  },
  1_100_000,
);
