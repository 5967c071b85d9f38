// Builds the executable: dist/msb-mcp for this machine, or dist/msb-mcp-<os>-<cpu> for another. It carries the microsandbox runtime of
// its platform, where there is one.
// scripts/build starts it, and tells of its options.

import { join, resolve } from "node:path";
import { packageOf, type RuntimePlatform, runtimePlatform } from "../src/sandbox/microvm/runtime/platform.ts";
import { testedVersion, versionProblem } from "../src/sandbox/microvm/runtime/tested-version.ts";
import { parsedArguments } from "./building/arguments.ts";
import { commitOf } from "./building/commit.ts";
import { buildExecutable, buildTargets } from "./building/executable.ts";
import { type Compression, compressions, compressParts, type Parts } from "./building/parts.ts";
import { runtimePlugin } from "./building/plugin.ts";

const root = join(import.meta.dir, "..");

const { values } = parsedArguments("scripts/build", {
  options: {
    target: { type: "string" },
    outfile: { type: "string" },
    runtime: { type: "string", default: root },
    "no-embed": { type: "boolean", default: false },
    compression: { type: "string", default: "quick" },
  },
});
const target = buildTargets.find((name) => name === values.target);
if (values.target !== undefined && target === undefined) {
  console.error(`--target: "${values.target}" is not allowed; it must be one of ${buildTargets.join(", ")}`);
  process.exit(2);
}
const compression = compressions.find((name) => name === values.compression);
if (compression === undefined) {
  console.error(`--compression: "${values.compression}" is not allowed; it must be one of ${compressions.join(", ")}`);
  process.exit(2);
}
const outfile = resolve(values.outfile ?? `${root}/dist/msb-mcp${target?.replace(/^bun/, "") ?? ""}`);
const runtimeFolder = resolve(values.runtime);
// Sources are named from here in the source map, and the same bytes must come out of any folder.
process.chdir(root);
const platform = platformOf(target ?? `bun-${process.platform}-${process.arch}`);
const parts = values["no-embed"] ? undefined : await partsFor(platform, compression);

const built = await buildExecutable({
  entry: `${root}/src/main.ts`,
  outfile,
  target,
  plugin: runtimePlugin(platform, parts),
  commit: await commitOf(root),
});
for (const message of built.messages) console.error(message);
if (!built.ok) process.exit(1);
console.log(outfile);

function platformOf(bunTarget: string): RuntimePlatform | undefined {
  const [, os = "", cpu = "", variant] = bunTarget.split("-");
  return variant === "musl" ? undefined : runtimePlatform(os === "windows" ? "win32" : os, cpu);
}

/** Ends the program if there is a runtime for the platform that is not here. */
async function partsFor(platform: RuntimePlatform | undefined, compression: Compression): Promise<Parts | undefined> {
  if (platform === undefined) {
    console.error("there is no microVM runtime for this platform: building without one");
    return undefined;
  }
  const parts = await compressParts({ root, platform, installedIn: runtimeFolder, compression });
  if (parts === undefined) {
    const name = packageOf(platform);
    console.error(
      `the microVM runtime for ${platform}, ${name}, is not installed in ${values.runtime}. Get it and build with\n` +
        `  npm install --force --prefix dist/runtime ${name}@${testedVersion}\n` +
        `  scripts/build${target === undefined ? "" : ` --target ${target}`} --runtime dist/runtime\n` +
        "or build without it: --no-embed",
    );
    process.exit(2);
  }
  const problem = versionProblem(parts.version);
  if (problem !== undefined) {
    console.error(`the microVM runtime in ${values.runtime} ${problem}`);
    process.exit(2);
  }
  return parts;
}
