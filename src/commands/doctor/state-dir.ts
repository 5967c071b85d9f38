// Can the server keep what outlives it?

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../failure.ts";
import { type Finding, missing, missingBecause } from "../../sandbox/checks/finding.ts";
import { openStateDir } from "../../state/installation.ts";

const check = "state directory";

/** Makes the directory, as a start would. */
export async function checkStateDir(stateDir: string): Promise<Finding> {
  const probe = join(stateDir, `.doctor-${crypto.randomUUID()}`);
  try {
    await openStateDir(stateDir);
    await writeFile(probe, "", { flag: "wx" });
    await rm(probe);
    return { check, status: "ok", found: `${stateDir} can be written to` };
  } catch (error) {
    if (error instanceof Failure) return missingBecause(check, error);
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return missing(check, `${stateDir} cannot be written to (${why})`, "Name another one with --state-dir.");
  }
}
