// Is there a microVM runtime, and does it load?

import { Failure } from "../../failure.ts";
import type { Runtime } from "../microvm/runtime/runtime.ts";
import { type Finding, missingBecause } from "./finding.ts";

const check = "microVM runtime";

export async function checkRuntime(runtime: () => Promise<Runtime>): Promise<Finding> {
  try {
    const { version, folder, overridden } = await runtime();
    const found = `microsandbox ${version} in ${folder}`;
    const others = Object.values(overridden);
    if (others.length === 0) return { check, status: "ok", found };
    const mend = "Unset MSB_PATH and MSB_LIBKRUNFW_PATH if that is not meant.";
    return { check, status: "warning", found: `${found}, but with ${others.join(" and ")}`, mend };
  } catch (error) {
    if (error instanceof Failure) return missingBecause(check, error);
    throw error;
  }
}
