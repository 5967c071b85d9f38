// A namespace's Sandboxfile with the real server's lack of care: read, changed and written without a lock, and written
// before it is validated, so that two writers lose an entry and one bad entry spoils the namespace (hazards a and b).

import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { badRequest, internal } from "./errors.ts";
import type { SandboxConfig } from "./params.ts";

export type Entry = SandboxConfig & { readonly portalPort: number };
type Sandboxfile = { readonly sandboxes: Readonly<Record<string, Entry>> };

export type SandboxfileOptions = {
  /** The folder of all namespaces. */
  readonly root: string;
  /** Between reading and writing; the real server's are the milliseconds of a YAML parser. */
  readonly gapMs: number;
};

async function namespaceExists(root: string, namespace: string): Promise<boolean> {
  return (await stat(join(root, namespace)).catch(() => null)) !== null;
}

/** `sandbox.start`'s read-modify-write. Throws ServerError 400 where there is neither an image nor an entry. */
export async function putEntry(
  options: SandboxfileOptions,
  namespace: string,
  name: string,
  config: SandboxConfig | null,
  portalPort: number,
): Promise<void> {
  if (!(await namespaceExists(options.root, namespace))) {
    await mkdir(join(options.root, namespace, ".menv"), { recursive: true });
    await Bun.write(file(options.root, namespace), JSON.stringify({ sandboxes: {} } satisfies Sandboxfile));
  }
  const present = await read(options.root, namespace);
  const former = present?.sandboxes[name];
  if (!config?.image && former === undefined) {
    throw badRequest(
      present === null
        ? `No configuration provided and no existing configuration found for sandbox '${name}'`
        : `Sandbox '${name}' not found in existing configuration`,
    );
  }
  await Bun.sleep(options.gapMs);
  const entry: Entry = config?.image ? { ...config, portalPort } : { ...former, portalPort };
  const next: Sandboxfile = { sandboxes: { ...present?.sandboxes, [name]: entry } };
  await Bun.write(file(options.root, namespace), JSON.stringify(next));
  await Bun.sleep(options.gapMs);
}

/** How many names a namespace has: what each call costs grows with it. */
export async function entryCount(root: string, namespace: string): Promise<number> {
  return Object.keys((await read(root, namespace))?.sandboxes ?? {}).length;
}

/** Every entry of a namespace. Throws ServerError 400 without a folder or file, 500 if any entry is bad. */
export async function entries(root: string, namespace: string): Promise<Readonly<Record<string, Entry>>> {
  if (!(await namespaceExists(root, namespace))) {
    throw badRequest(`Namespace directory '${namespace}' does not exist`);
  }
  const present = await read(root, namespace);
  if (present === null) {
    throw badRequest(`Configuration file not found for namespace '${namespace}'`);
  }
  for (const entry of Object.values(present.sandboxes)) {
    if (!isValid(entry)) {
      throw internal();
    }
  }
  return present.sandboxes;
}

/** Splits at the first colon; there is no mode suffix (reference section 10). */
export function splitVolume(volume: string): readonly [host: string, guest: string] | null {
  const colon = volume.indexOf(":");
  const [host, guest] = colon < 0 ? [volume, volume] : [volume.slice(0, colon), volume.slice(colon + 1)];
  return host === "" || guest === "" ? null : [host, guest];
}

function isValid(entry: Entry): boolean {
  const reference = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
  return (
    (/^[./]/.test(entry.image ?? "") || reference.test(entry.image ?? "")) &&
    (entry.volumes ?? []).every((volume) => splitVolume(volume) !== null) &&
    (entry.envs ?? []).every((env) => /^[^=]+=/.test(env))
  );
}

const file = (root: string, namespace: string) => join(root, namespace, "Sandboxfile");

async function read(root: string, namespace: string): Promise<Sandboxfile | null> {
  const text = await Bun.file(file(root, namespace))
    .text()
    .catch(() => null);
  return text === null ? null : JSON.parse(text);
}
