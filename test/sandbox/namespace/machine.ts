// What the tests of the namespace host share: a host of their own, a sandbox of it, and a look at what the machine still has of one.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { createNamespaceHost, type NamespaceHost } from "../../../src/sandbox/namespace/host.ts";
import { childrenOf, readProcess } from "../../../src/sandbox/namespace/processes.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { defaultTemplates, type Template } from "../../../src/sandbox/templates.ts";
import type { Volume } from "../../../src/sandbox/volumes.ts";
import { type Ran, runIn } from "../../contract/port-contract.ts";

/** For real processes on a busy machine. */
export const patienceMs = 30_000;

export const small = { cpus: 1, memoryMib: 256 };

export const [pythonTemplate, nodeTemplate, bashTemplate] = pickTemplates();

/** By default an installation of its own, so that no other server's groups are in its way. */
export function namespaceHost(volumes: readonly Volume[] = [], stateDir = `/tmp/msb-mcp-tests/${Bun.nanoseconds()}`) {
  return createNamespaceHost({ volumes, stateDir, clock: systemClock, emit: () => {} });
}

/** One that has compiled the runner, which it begins once it knows that it can have sandboxes: it starts no process of its own any more. */
export async function compiledHost(): Promise<NamespaceHost> {
  const host = namespaceHost();
  await host.health(new AbortController().signal);
  const isCompiling = (pid: number) => /^$|\0-c\0# Compiles a program/.test(readText(`/proc/${pid}/cmdline`));
  await eventually("the runner is compiled", () => !descendants(process.pid).some(isCompiling));
  return host;
}

export function bootOne(host: NamespaceHost, sessionId: string, template = pythonTemplate): Promise<Sandbox> {
  return host.create({ sessionId, template, resources: small }, new AbortController().signal);
}

export function command(
  sandbox: Sandbox,
  source: string,
  signal?: AbortSignal,
  onFirstOutput?: () => void,
): Promise<Ran> {
  return runIn(sandbox, "command", source, signal, onFirstOutput);
}

/**
 * Control groups of these sandboxes, and processes that keep any sandbox of this process: to be asked while no other is there. Mounts
 * live in namespaces, which end with their last process.
 */
export async function leftovers(names: readonly string[], serverPid = process.pid): Promise<readonly string[]> {
  const groups = foldersBelow("/sys/fs/cgroup").filter((folder) =>
    names.some((name) => folder.endsWith(`-${serverPid}/${name}`)),
  );
  return [...groups, ...descendants(process.pid).map((pid) => `process ${pid}: ${readText(`/proc/${pid}/cmdline`)}`)];
}

/** All that a process has started, by way of others too. */
export function descendants(pid: number): readonly number[] {
  return childrenOf(pid)
    .filter((child) => readProcess(child) !== null)
    .flatMap((child) => [child, ...descendants(child)]);
}

export function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Each by its number and what it is of: two that have the number one after the other are two. */
export function openDescriptors(): ReadonlySet<string> {
  const folder = "/proc/self/fd";
  return new Set(
    readdirSync(folder).flatMap((name) => {
      try {
        return `${name} ${readlinkSync(`${folder}/${name}`)}`;
      } catch {
        // That of this look.
        return [];
      }
    }),
  );
}

/** Polls for what a foreign process brings about. Throws after `patienceMs`. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`it never came about that ${what}`);
    await Bun.sleep(10);
  }
}

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Those that are gone while it looks are left out. */
export function foldersBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name))
      .flatMap((path) => [path, ...foldersBelow(path)]);
  } catch {
    return [];
  }
}

/** Of this process's namespace. Another program may have some for a while: what counts is whether those that have come stay. */
export function mounts(): ReadonlySet<string> {
  return new Set(readFileSync("/proc/self/mountinfo", "utf8").split("\n"));
}

function pickTemplates(): readonly [Template, Template, Template] {
  const [first, second, third] = defaultTemplates;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("the default templates are python, node and bash");
  return [first, second, third];
}
