// The harness of a cluster cuts its parts off from each other as a network does it: in silence, between these two only, and until it is mended.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ownNetworkArgv } from "../../scripts/load/cluster/network.ts";
import { debianProgram } from "../packages/debian.ts";

setDefaultTimeout(60_000);

const skipped = "parts of a cluster that are cut off from each other by network namespaces";
const ip = debianProgram("ip", "iproute2", skipped);
const refusal = ip === undefined ? "" : refusalOf([...ownNetworkArgv, "ip", "link", "add", "br0", "type", "bridge"]);
if (refusal !== "") console.warn(`SKIPPED: ${skipped}: there can be no such network here: ${refusal}`);

test.skipIf(ip === undefined || refusal !== "")("what is cut off is silent for the other one alone", async () => {
  const argv = [...ownNetworkArgv, process.execPath, "--no-env-file", join(import.meta.dir, "network-parts.ts")];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [told, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(errors).toBe("");
  expect(told.trim().split("\n")).toEqual([
    "whole: hub hears, other hears",
    "cut: hub hears, other hears nothing",
    "mended: hub hears, other hears",
  ]);
  // All of it was in there.
  expect(await Bun.$`ip -o link show`.text()).not.toContain("to-node-1");
});

/** Empty: none. */
function refusalOf(argv: readonly string[]): string {
  const { success, stderr } = Bun.spawnSync([...argv], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  return success ? "" : stderr.toString().trim();
}
