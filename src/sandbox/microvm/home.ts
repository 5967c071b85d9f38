// The folder in which the runtime keeps its images, its machines and, in its database, the values of secrets as they are.

import { chmod, mkdir } from "node:fs/promises";
import { Failure } from "../../failure.ts";

/** Nobody else may look into it from now on (0700); it is made if need be. Throws Failure `configuration` if that cannot be. */
export async function keepPrivate(runtimeHome: string): Promise<void> {
  const closed = mkdir(runtimeHome, { recursive: true, mode: 0o700 }).then(() => chmod(runtimeHome, 0o700));
  await closed.catch((cause: unknown) => {
    const what = `the microVM runtime's folder ${runtimeHome} cannot be made private, and it would hold secrets.`;
    throw new Failure("configuration", what, {
      advice: ["Name another one with MSB_HOME, or leave --secret out."],
      cause,
    });
  });
}
