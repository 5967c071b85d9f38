// What an executable needs other than the packages have it. Of the microsandbox package: its runtime embedded, and its native addon loaded
// from the path that it is given, because the package's own loader looks for files beside itself, which a single file has not.

import { createHash } from "node:crypto";
import type { BunPlugin } from "bun";
import type { RuntimePlatform } from "../../src/sandbox/microvm/runtime/platform.ts";
import type { Parts } from "./parts.ts";

/** Throws, as it is loaded, if the module is not there: an executable would carry nothing, and say so to its users only. */
const carriedModule = Bun.resolveSync("../../src/sandbox/microvm/runtime/carried.ts", import.meta.dir);

/** `parts` undefined: the executable carries no runtime. */
export function runtimePlugin(platform: RuntimePlatform | undefined, parts: Parts | undefined): BunPlugin {
  const carried =
    platform === undefined || parts === undefined ? carriesNothing(platform) : carriesParts(platform, parts);
  return {
    name: "microsandbox runtime",
    setup(build) {
      const replace = (filter: RegExp, contents: string) =>
        build.onLoad({ filter }, () => ({ contents, loader: "js" }));
      build.onResolve({ filter: new RegExp(`^${runtimeFile}$`) }, () => ({ path: parts?.file ?? runtimeFile }));
      replace(new RegExp(`^${RegExp.escape(carriedModule)}$`), carried);
      replace(/[\\/]microsandbox[\\/]dist[\\/]internal[\\/]napi\.js$/, bindings);
      for (const { module, contents } of leftOut) replace(module, contents);
      replace(/[\\/]microsandbox[\\/]native[\\/]index\.cjs$/, nativeLoader);
      // It names its own folder, for an option that this program does not use: one of the machine that it was built on.
      build.onLoad({ filter: /[\\/]ioredis[\\/]built[\\/]Command\.js$/ }, async ({ path }) => ({
        contents: (await Bun.file(path).text()).replaceAll("__dirname", '""'),
        loader: "js",
      }));
    },
  };
}

function carriesNothing(platform: RuntimePlatform | undefined): string {
  return `export const carried = { kind: "none", platform: ${JSON.stringify(platform)} };`;
}

/** Stands for the compressed runtime: its path would get into the source map, and differ from machine to machine. */
const runtimeFile = "msb-mcp:runtime";

function carriesParts(platform: RuntimePlatform, { version, parts }: Parts): string {
  const hash = createHash("sha256");
  for (const { sha256 } of parts) hash.update(sha256);
  const head = { kind: "embedded", platform, version, hash: hash.digest("hex").slice(0, 12), parts };
  return (
    `import file from "${runtimeFile}" with { type: "file" };\n` +
    `export const carried = { ...${JSON.stringify(head)}, file };`
  );
}

/** Without the package's search for `msb`, which would look into the working directory. */
const bindings = `import native from "../../native/index.cjs";\nexport const napi = native;`;

/** What packages load for uses that this program never makes of them: two megabytes of an executable. `use` is how source asks for it. */
export const leftOut: readonly { readonly module: RegExp; readonly use: RegExp; readonly contents: string }[] = [
  {
    // Elysia: a route that checks an upload's kind.
    module: /[\\/]file-type[\\/]source[\\/]index\.js$/,
    use: /\bt\.Files?\b|\bfileType\b/,
    contents: `export function fileTypeFromBlob() { throw new Error("file-type is not in this executable"); }`,
  },
  {
    // The SDK: a server that asks its client's user to fill in a form.
    module: /[\\/]sdk[\\/]dist[\\/]esm[\\/]validation[\\/]ajv-provider\.js$/,
    use: /\belicitInput\b|\bAjvJsonSchemaValidator\b/,
    contents: `export class AjvJsonSchemaValidator { getValidator() { throw new Error("ajv is not in this executable"); } }`,
  },
  {
    // prom-client: metrics with exemplars.
    module: /[\\/]@opentelemetry[\\/]api[\\/]dist[\\/]index\.c?m?js$/,
    use: /\benableExemplars\b|@opentelemetry\b/,
    contents: "module.exports = {};",
  },
];

const nativeLoader = `
const addon = { exports: {} };
process.dlopen(addon, process.env.NAPI_RS_NATIVE_LIBRARY_PATH);
module.exports = addon.exports;
`;
