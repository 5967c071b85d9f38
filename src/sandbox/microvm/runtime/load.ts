// Loads the microsandbox package with parts of our choosing. The one file of an adapter that touches process.env: the package's
// own loader of its native addon takes a path from nowhere else.

import type { RuntimePaths } from "./platform.ts";

export type Microsandbox = typeof import("microsandbox");

const addonVariable = "NAPI_RS_NATIVE_LIBRARY_PATH";

/**
 * Imported here and not above: a server with another backend never pays for it. The first call of a process decides which
 * parts are loaded; later ones get the same module.
 */
export async function loadMicrosandbox({ addon, msb, libkrunfw }: RuntimePaths): Promise<Microsandbox> {
  const given = process.env[addonVariable];
  process.env[addonVariable] = addon;
  try {
    const native = await import("microsandbox/native");
    // Before the package itself, which would set what its own search finds, in the working directory too. The first that is set
    // stays; process.env.MSB_PATH would not do, because Bun's environment is not the one that native code reads.
    native.setRuntimeMsbPath(msb);
    native.setRuntimeLibkrunfwPath(libkrunfw);
    const microsandbox = await import("microsandbox");
    // Not what MSB_BACKEND, MSB_PROFILE or a configuration file of the runtime's say: this program has options for that.
    microsandbox.setDefaultBackend("local");
    return microsandbox;
  } finally {
    if (given === undefined) delete process.env[addonVariable];
    else process.env[addonVariable] = given;
  }
}

/** Variables that native code reads by itself and follows before what it is told, so that others must know of them. */
export function overriddenPaths(): Partial<RuntimePaths> {
  const { MSB_PATH: msb, MSB_LIBKRUNFW_PATH: libkrunfw } = process.env;
  return { ...(msb && { msb }), ...(libkrunfw && { libkrunfw }) };
}
