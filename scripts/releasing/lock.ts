// What bun.lock says of the packages that this project takes from npm: exact versions, and the sum of each.

import { join } from "node:path";

export type LockedPackage = {
  readonly name: string;
  readonly version: string;
  /** sha512-BASE64, of the archive that npm serves. */
  readonly integrity: string;
  /** Its folder in node_modules. */
  readonly folder: string;
  /** The folders of the packages that it uses. */
  readonly uses: readonly string[];
};

export type Lock = {
  /** By their names; only those that lie at the top of node_modules. */
  readonly byName: ReadonlyMap<string, LockedPackage>;
  /** What the program uses, and what that uses; development's own packages are not in it. Sorted. */
  readonly production: readonly LockedPackage[];
  /** What the program uses itself. */
  readonly direct: readonly string[];
};

type Entry = readonly [spec: string, registry: string, meta: Meta, integrity: string];
type Meta = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalPeers?: readonly string[];
};
type LockFile = {
  readonly workspaces: { readonly "": { readonly dependencies: Readonly<Record<string, string>> } };
  readonly packages: Readonly<Record<string, Entry>>;
};

export async function readLock(root: string): Promise<Lock> {
  const file = Bun.JSONC.parse(await Bun.file(join(root, "bun.lock")).text()) as LockFile;
  const packages = new Map(Object.entries(file.packages).map(([key, entry]) => [key, locked(file, key, entry)]));
  const direct = Object.keys(file.workspaces[""].dependencies);
  const reached = new Set<string>();
  const waiting = [...direct];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (reached.has(key)) continue;
    reached.add(key);
    waiting.push(...(packages.get(key)?.uses ?? []));
  }
  return {
    byName: new Map([...packages].filter(([key, { name }]) => key === name)),
    production: [...reached].sort().flatMap((key) => packages.get(key) ?? []),
    direct,
  };
}

function locked(file: LockFile, key: string, [spec, , meta, integrity]: Entry): LockedPackage {
  const at = spec.lastIndexOf("@");
  const names = Object.keys({ ...meta.dependencies, ...meta.optionalDependencies, ...meta.peerDependencies });
  const needed = names.filter((name) => !meta.optionalPeers?.includes(name));
  const uses = needed.flatMap((name) => keyOf(file, key, name) ?? []).sort();
  return { name: spec.slice(0, at), version: spec.slice(at + 1), integrity, folder: key, uses };
}

/** Where a package finds another one: nearest first, as in node_modules. Undefined if the lock does not have it. */
function keyOf({ packages }: LockFile, key: string, name: string): string | undefined {
  for (let from = key; from !== ""; from = from.slice(0, Math.max(0, from.lastIndexOf("/")))) {
    if (`${from}/${name}` in packages) return `${from}/${name}`;
  }
  return name in packages ? name : undefined;
}

/** `a/b` in the lock is b in a's own node_modules; a name may have a scope. */
export function moduleFolder(root: string, folder: string): string {
  const names = folder.match(/(?:@[^/]+\/)?[^/]+/g) ?? [];
  return join(root, ...names.flatMap((name) => ["node_modules", name]));
}
