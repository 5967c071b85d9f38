// The folder in which the runtime keeps its images, its machines and, in its database, the values of secrets as they are.

import { chmod, mkdir, stat } from "node:fs/promises";
import { platform } from "node:os";
import { Failure } from "../../../failure.ts";

/**
 * Nobody else may look into it from now on (0700); it is made if need be. One that others may write to is theirs too, such as /tmp, and is left as
 * it is. Throws Failure `configuration` if that cannot be.
 */
export async function keepPrivate(runtimeHome: string): Promise<void> {
  try {
    await mkdir(runtimeHome, { recursive: true, mode: 0o700 });
    const { mode } = await stat(runtimeHome);
    if ((mode & 0o022) !== 0 && platform() !== "win32") throw notOurs(runtimeHome, mode);
    await chmod(runtimeHome, 0o700);
  } catch (error) {
    throw error instanceof Failure ? error : unusable(runtimeHome, error);
  }
}

const advice = ["Name another one with MSB_HOME, or leave --secret out."];

function notOurs(runtimeHome: string, mode: number): Failure {
  const shown = (mode & 0o7777).toString(8);
  const what = `the microVM runtime's folder ${runtimeHome} may be written to by others (mode ${shown}), and it would hold secrets.`;
  return new Failure("configuration", what, { advice });
}

function unusable(runtimeHome: string, cause: unknown): Failure {
  const what = `the microVM runtime's folder ${runtimeHome} cannot be made private, and it would hold secrets.`;
  return new Failure("configuration", what, { advice, cause });
}
