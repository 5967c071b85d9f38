// Is there a microVM runtime, and does it load?

import { Failure } from "../failure.ts";
import type { Runtime } from "../sandbox/microvm/runtime.ts";
import { type Finding, missingBecause } from "./finding.ts";

const check = "microVM runtime";

export async function checkRuntime(runtime: () => Promise<Runtime>): Promise<Finding> {
  try {
    const { version, folder } = await runtime();
    return { check, status: "ok", found: `microsandbox ${version} in ${folder}` };
  } catch (error) {
    if (error instanceof Failure) return missingBecause(check, error);
    throw error;
  }
}
