// Can the server keep what outlives it?

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Finding, missing } from "./finding.ts";

const check = "state directory";

/** Makes the directory, as a start would. */
export async function checkStateDir(stateDir: string): Promise<Finding> {
  const probe = join(stateDir, `.doctor-${crypto.randomUUID()}`);
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await writeFile(probe, "", { flag: "wx" });
    await rm(probe);
    return { check, status: "ok", found: `${stateDir} can be written to` };
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return missing(check, `${stateDir} cannot be written to (${why})`, "Name another one with --state-dir.");
  }
}
