// May this process use the kernel's hypervisor?

import { open, readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import type { Machine } from "./cpu.ts";
import { type Finding, missing } from "./finding.ts";

const check = "/dev/kvm";

export type KvmOptions = {
  readonly device?: string;
  /** Opens it for reading and writing, and closes it again; for tests. */
  readonly tryOpen?: (path: string) => Promise<void>;
};

export async function checkKvm({ os }: Machine, options: KvmOptions = {}): Promise<Finding> {
  const { device = check, tryOpen = openAndClose } = options;
  if (os !== "linux") return { check, status: "skipped", found: `there is no such device on ${os}` };
  try {
    await tryOpen(device);
    const isDevice = (await stat(device)).isCharacterDevice();
    if (!isDevice) return missing(check, "is not a device", "Remove it, and load the kernel's module kvm.");
    return { check, status: "ok", found: "opens for reading and writing" };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") {
      return missing(
        check,
        "is not there",
        "Load the kernel's module: modprobe kvm_intel or kvm_amd; a container needs --device /dev/kvm.",
      );
    }
    if (code === "EACCES" || code === "EPERM") return missing(check, `may not be opened (${code})`, await mend(device));
    return missing(check, `does not open (${String(code ?? error)})`, "See what the kernel says: dmesg | grep -i kvm");
  }
}

async function openAndClose(path: string): Promise<void> {
  await (await open(path, "r+")).close();
}

/** The group that owns the device may use it nearly everywhere, and is called kvm. */
async function mend(device: string): Promise<string> {
  const { gid, mode } = await stat(device);
  const group = await groupName(gid);
  const user = userInfo().username;
  if ((mode & 0o060) !== 0o060 || gid === 0) return `Let a group use it: chgrp kvm ${device} && chmod 660 ${device}`;
  return `Join its group: sudo usermod -aG ${group} ${user}, then log in anew; in a container: --group-add ${gid}`;
}

async function groupName(gid: number): Promise<string> {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const line = groups.split("\n").find((entry) => entry.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}
