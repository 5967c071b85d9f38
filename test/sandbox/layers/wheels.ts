// A folder of wheels that are made here: what stands in for a package registry.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Whether the Python that sandboxes have can install at all without a registry. */
export const hasPip = Bun.spawnSync(["/usr/bin/python3", "-m", "pip", "--version"], { env: {} }).success;

const makeWheel = `
import sys, zipfile
folder, name, version, source = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", source)
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\\n{name}-says = {name}:say\\n")
    names = [f"{name}.py", *(f"{info}/{part}" for part in ("METADATA", "WHEEL", "entry_points.txt", "RECORD"))]
    wheel.writestr(f"{info}/RECORD", "".join(f"{one},,\\n" for one in names))
`;

export type WheelFolder = Disposable & {
  /** Below it there is room for a state directory. */
  readonly root: string;
  readonly path: string;
  add(name: string, version: string, source?: string): void;
};

export function wheelFolder(): WheelFolder {
  mkdirSync("/tmp/msb-mcp-tests", { recursive: true });
  const root = mkdtempSync("/tmp/msb-mcp-tests/layers-");
  const path = join(root, "wheels");
  mkdirSync(path);
  return {
    ...{ root, path },
    add(name, version, source = `version = "${version}"\ndef say():\n    print("${name} ${version}")\n`) {
      const { exitCode, stderr } = Bun.spawnSync(["python3", "-c", makeWheel, path, name, version, source]);
      if (exitCode !== 0) throw new Error(stderr.toString());
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
