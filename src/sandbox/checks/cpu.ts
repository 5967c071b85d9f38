// Has the CPU what microVMs need? /dev/kvm alone does not tell: it can be there, and open, where nothing boots.

import { readFile } from "node:fs/promises";
import { type Finding, missing } from "./finding.ts";

const check = "CPU virtualization";

export type Machine = {
  /** As Node names them. */
  readonly os: string;
  readonly cpu: string;
};

/** `cpuinfo` is a path. */
export async function checkCpu({ os, cpu }: Machine, cpuinfo = "/proc/cpuinfo"): Promise<Finding> {
  if (os !== "linux") return { check, status: "skipped", found: `only a boot tells on ${os}` };
  // ARM's list of features does not have it; there the device is there only where it works.
  if (cpu !== "x64") return { check, status: "skipped", found: `/proc/cpuinfo does not tell on ${cpu}; /dev/kvm does` };
  const text = await readFile(cpuinfo, "utf8").catch(() => undefined);
  if (text === undefined) return missing(check, `${cpuinfo} cannot be read`, "Mount /proc.");
  const flag = virtualizationFlag(text);
  if (flag !== undefined) return { check, status: "ok", found: flag };
  return missing(
    check,
    "/proc/cpuinfo has neither the flag vmx (Intel) nor svm (AMD)",
    "Enable VT-x or AMD-V in the firmware; in a virtual machine, enable nested virtualization on its host.",
  );
}

function virtualizationFlag(cpuinfo: string): string | undefined {
  for (const [, flags = ""] of cpuinfo.matchAll(/^flags\s*:(.*)$/gm)) {
    const words = new Set(flags.split(/\s+/));
    if (words.has("vmx")) return "vmx (Intel VT-x)";
    if (words.has("svm")) return "svm (AMD-V)";
  }
  return undefined;
}
