// Remembers that a microVM has booted here, so that not every start boots one to see. It holds until the machine starts anew or another runtime
// comes. A boot that failed is not remembered here: what kept it may have been mended meanwhile.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type BootMemory = {
  /** Has this runtime booted a microVM since the machine started? */
  recall(runtime: string): Promise<boolean>;
  /** Never rejects: what cannot be kept is found out again. */
  keep(runtime: string): Promise<void>;
};

const fileName = "microvm-boot.json";

/** `bootIdFile` tells one start of the machine from another; where there is none, nothing is remembered. */
export function createBootMemory(stateDir: string, bootIdFile = "/proc/sys/kernel/random/boot_id"): BootMemory {
  const path = join(stateDir, fileName);
  const record = async (runtime: string) => {
    const bootId = await readFile(bootIdFile, "utf8").catch(() => undefined);
    return bootId === undefined ? undefined : JSON.stringify({ bootId: bootId.trim(), runtime });
  };
  return {
    async recall(runtime) {
      const [kept, wanted] = await Promise.all([readFile(path, "utf8").catch(() => undefined), record(runtime)]);
      return wanted !== undefined && kept === wanted;
    },
    async keep(runtime) {
      const text = await record(runtime);
      if (text === undefined) return;
      const fresh = `${path}.${crypto.randomUUID()}`;
      await writeFile(fresh, text, { flag: "wx", mode: 0o600 })
        .then(() => rename(fresh, path))
        .catch(() => undefined);
    },
  };
}
