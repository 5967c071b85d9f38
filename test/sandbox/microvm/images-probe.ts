// A program for the tests: makes images available with the real runtime, under the MSB_HOME it was started with, and tells a line of JSON
// each. Arguments: the JSON of an image, or of {archive} for all that follow.

import { systemClock } from "../../../src/clock.ts";
import { Images } from "../../../src/sandbox/microvm/images/images.ts";
import { locateRuntime } from "../../../src/sandbox/microvm/runtime/runtime.ts";

const { Image } = await import("microsandbox");
const { paths } = await locateRuntime({ cacheDir: "/nowhere", installedDir: undefined });
let archive: string | undefined;
let images: Images | undefined;
for (const text of process.argv.slice(2)) {
  const given = JSON.parse(text);
  if (given.kind === undefined) {
    archive = given.archive;
    continue;
  }
  images ??= new Images({ store: Image, msb: paths.msb, archive, clock: systemClock });
  const progress: string[] = [];
  const signal = AbortSignal.timeout(60_000);
  try {
    await images.makeAvailable(given, { onProgress: (message) => progress.push(message), signal });
    const handle = given.reference === undefined ? undefined : await Image.get(given.reference);
    console.log(JSON.stringify({ ok: true, progress, digest: handle?.manifestDigest ?? null }));
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
    console.log(JSON.stringify({ ok: false, message: error instanceof Error ? error.message : String(error), cause }));
  }
}
