// The sizes a sandbox comes in, and how `--flavor` changes them.

export type Flavor = "small" | "medium" | "large";

export type Resources = {
  readonly cpus: number;
  readonly memoryMib: number;
};

export type Flavors = Readonly<Record<Flavor, Resources>>;

/** CONTRACT.md section 2. */
export const defaultFlavors: Flavors = {
  small: { cpus: 1, memoryMib: 1024 },
  medium: { cpus: 2, memoryMib: 2048 },
  large: { cpus: 4, memoryMib: 4096 },
};

export const flavorNames: readonly Flavor[] = ["small", "medium", "large"];

/** Below it an interpreter has no room; above it no machine has it. MiB. */
const memoryBounds = { min: 64, max: 1_048_576 };
const maxCpus = 64;

export const flavorRule =
  `NAME=CPUS:MEMORY_MB, several as a comma list; a name is one of ${flavorNames.join(", ")}, CPUS a whole number from 1 to ${maxCpus}, ` +
  `MEMORY_MB one from ${memoryBounds.min} to ${memoryBounds.max}`;

/** The default sizes, changed by items such as `small=1:128`. Never throws: what is not allowed is a problem, one a wrong item. */
export function parseFlavors(items: readonly string[]): { flavors: Flavors; problems: string[] } {
  const changed = new Map<Flavor, Resources>();
  const problems: string[] = [];
  for (const item of items) {
    const [, name, cpus, memory] = /^(\w+)=(\d{1,9}):(\d{1,9})$/.exec(item) ?? [];
    const flavor = flavorNames.find((candidate) => candidate === name);
    const resources = { cpus: Number(cpus), memoryMib: Number(memory) };
    if (flavor === undefined || !isPossible(resources)) {
      problems.push(`${JSON.stringify(item)} is not allowed; it must be ${flavorRule}`);
    } else if (changed.has(flavor)) {
      problems.push(`${JSON.stringify(item)}: ${flavor} has a size already; allowed is one`);
    } else {
      changed.set(flavor, resources);
    }
  }
  return { flavors: { ...defaultFlavors, ...Object.fromEntries(changed) }, problems };
}

function isPossible({ cpus, memoryMib }: Resources): boolean {
  return cpus >= 1 && cpus <= maxCpus && memoryMib >= memoryBounds.min && memoryMib <= memoryBounds.max;
}
