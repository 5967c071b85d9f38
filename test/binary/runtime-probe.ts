// A program for the tests: opens the runtime that it carries or is pointed to, and tells what it got as a line of JSON.
// Arguments: CACHE_DIR [INSTALLED_DIR [IMAGE]]; with an image, a root folder, it goes as far as to start a sandbox of it.

import { openRuntime } from "../../src/sandbox/microvm/runtime/runtime.ts";

const [cacheDir = "", installedDir, image] = process.argv.slice(2);
try {
  const startMs = performance.now();
  const { microsandbox, ...located } = await openRuntime({ cacheDir, installedDir });
  const tookMs = Math.round(performance.now() - startMs);
  const isLoaded = typeof microsandbox.Sandbox.builder === "function";
  const started = image === undefined ? "not tried" : await start(image, microsandbox);
  const backend = microsandbox.defaultBackendKind();
  console.log(JSON.stringify({ ...located, isLoaded, tookMs, started, backend }));
} catch (error) {
  console.log(JSON.stringify({ failure: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
}

async function start(root: string, { Sandbox }: typeof import("microsandbox")): Promise<string> {
  try {
    const sandbox = await Sandbox.builder("probe").image(root).create();
    await sandbox.kill();
    return "yes";
  } catch (error) {
    return String(error);
  }
}
