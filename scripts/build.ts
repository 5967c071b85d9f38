// Builds the executable: dist/msb-mcp for this machine, or dist/msb-mcp-<os>-<cpu> for another.
// Usage: bun scripts/build.ts [--target bun-linux-arm64] [--outfile FILE]

import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dir, "..");

/** The platforms that a release may have an executable for. */
const targets = [
  "bun-linux-x64",
  "bun-linux-x64-baseline",
  "bun-linux-x64-musl",
  "bun-linux-arm64",
  "bun-linux-arm64-musl",
  "bun-darwin-x64",
  "bun-darwin-arm64",
  "bun-windows-x64",
] as const;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    outfile: { type: "string" },
  },
});
const target = targets.find((name) => name === values.target);
if (values.target !== undefined && target === undefined) {
  console.error(`--target: "${values.target}" is not allowed; it must be one of ${targets.join(", ")}`);
  process.exit(2);
}
const outfile = values.outfile ?? `${root}/dist/msb-mcp${target === undefined ? "" : target.replace(/^bun/, "")}`;

const result = await Bun.build({
  entrypoints: [`${root}/src/main.ts`],
  target: "bun",
  // Compiled ahead: the start is mostly parsing otherwise. Names are kept, because logs show them.
  format: "esm",
  bytecode: true,
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: "inline",
  define: { BUILD_COMMIT: JSON.stringify(await commit()) },
  compile: {
    outfile,
    ...(target === undefined ? {} : { target }),
    // By default a compiled program runs what a bunfig.toml in its working directory tells it to, and reads its .env.
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  throw: false,
});
for (const message of result.logs) console.error(message);
if (!result.success) process.exit(1);
// The executable carries its source map; the copy beside it is of no use.
await Bun.file(`${outfile}.map`).delete();
console.log(outfile);

async function commit(): Promise<string> {
  const hash = await Bun.$`git rev-parse --short=12 HEAD`.cwd(root).nothrow().quiet();
  if (hash.exitCode !== 0) return "unknown";
  const status = await Bun.$`git status --porcelain`.cwd(root).nothrow().quiet();
  const isClean = status.exitCode === 0 && status.text().trim() === "";
  return `${hash.text().trim()}${isClean ? "" : "+dirty"}`;
}
