// The sizes a sandbox comes in.

export type Flavor = "small" | "medium" | "large";

export type Resources = {
  readonly cpus: number;
  readonly memoryMib: number;
};

/** CONTRACT.md section 2. */
export const flavors: Readonly<Record<Flavor, Resources>> = {
  small: { cpus: 1, memoryMib: 1024 },
  medium: { cpus: 2, memoryMib: 2048 },
  large: { cpus: 4, memoryMib: 4096 },
};

export const flavorNames: readonly Flavor[] = ["small", "medium", "large"];
