// What each JSON-RPC method does.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { internal, ServerError } from "./errors.ts";
import {
  CommandParams,
  checkNames,
  MetricsParams,
  parseParams,
  parsePortalParams,
  portalAddress,
  ReplParams,
  StartParams,
  StopParams,
} from "./params.ts";
import type { Processor } from "./processor.ts";
import { entries, entryCount, putEntry } from "./sandboxfile.ts";
import type { Supervisor } from "./supervisor.ts";

export type MethodContext = {
  readonly root: string;
  readonly sandboxfileGapMs: number;
  readonly supervisor: Supervisor;
  readonly processor: Processor;
  /** What each name in a namespace costs each time that it is read, in milliseconds. */
  readonly costMs: number;
  /** Aborts when the client hangs up: what has not been done by then is not done. */
  readonly signal: AbortSignal;
};

/** How often a start reads its namespace. */
const readsOfStart = 5;
/** How often a namespace is read when all are. */
const readsOfAll = 2;

/** Reading a namespace so many times. Rejects when the client hangs up. */
async function read({ root, processor, costMs, signal }: MethodContext, namespace: string, times = 1): Promise<void> {
  await processor.spend(times * costMs * (await entryCount(root, namespace)), signal);
}

export type Method = (context: MethodContext, params: unknown) => Promise<unknown>;

export const methods: Readonly<Record<string, Method>> = {
  "sandbox.start": start,
  "sandbox.stop": stop,
  "sandbox.metrics.get": metrics,
  "sandbox.repl.run": replRun,
  "sandbox.command.run": commandRun,
};

async function start(context: MethodContext, raw: unknown): Promise<string> {
  const { sandbox, namespace, config } = parseParams("sandbox.start", StartParams, raw);
  checkNames(sandbox, namespace);
  const key = `${namespace}/${sandbox}`;
  const port = context.supervisor.assignPort(key);
  const files = { root: context.root, gapMs: context.sandboxfileGapMs };
  await putEntry(files, namespace, sandbox, config ?? null, port);
  await read(context, namespace, readsOfStart);
  const entry = (await entries(context.root, namespace))[sandbox];
  if (entry === undefined) {
    throw internal();
  }
  await context.supervisor.up(namespace, sandbox, entry, context.signal);
  return `Sandbox ${sandbox} started successfully`;
}

async function stop(context: MethodContext, raw: unknown): Promise<string> {
  const { sandbox, namespace } = parseParams("sandbox.stop", StopParams, raw);
  checkNames(sandbox, namespace);
  await read(context, namespace);
  if ((await entries(context.root, namespace))[sandbox] === undefined) {
    throw internal();
  }
  context.supervisor.stop(`${namespace}/${sandbox}`);
  return `Sandbox ${sandbox} stopped successfully`;
}

async function metrics(context: MethodContext, raw: unknown): Promise<unknown> {
  const { sandbox, namespace } = parseParams("sandbox.metrics.get", MetricsParams, raw);
  const all = namespace === "*";
  const namespaces = all ? await readdir(context.root).catch(() => Promise.reject(internal())) : [namespace];
  const sandboxes: unknown[] = [];
  for (const one of namespaces) {
    await read(context, one, all ? readsOfAll : 1);
    const configured = await entries(context.root, one).catch((error: unknown) => {
      if (all && error instanceof ServerError) {
        return {};
      }
      throw error;
    });
    const names = sandbox ? [sandbox].filter((name) => name in configured) : Object.keys(configured);
    if (sandbox && names.length === 0 && !all) {
      throw internal();
    }
    for (const name of names) {
      const key = `${one}/${name}`;
      const memory = await context.supervisor.memoryMib(key);
      sandboxes.push({
        namespace: one,
        name,
        running: context.supervisor.isRunning(key),
        cpu_usage: memory === null ? null : 0,
        memory_usage: memory,
        disk_usage:
          memory === null ? null : await diskUsage(join(context.root, one, ".menv", "rw", "Sandboxfile", name)),
      });
    }
  }
  return { sandboxes };
}

async function replRun(context: MethodContext, raw: unknown): Promise<unknown> {
  const { sandbox, namespace } = portalAddress(raw);
  const portal = await context.supervisor.portal(`${namespace}/${sandbox}`);
  const { language, code, timeout } = parsePortalParams(ReplParams, raw);
  return { status: "success", language, output: await portal.evaluate(language, code, timeout ?? null) };
}

async function commandRun(context: MethodContext, raw: unknown): Promise<unknown> {
  const { sandbox, namespace } = portalAddress(raw);
  const portal = await context.supervisor.portal(`${namespace}/${sandbox}`);
  const { command, args, timeout } = parsePortalParams(CommandParams, raw);
  return await portal.command(command, args ?? [], timeout ?? null);
}

async function diskUsage(folder: string): Promise<number | null> {
  const names = await readdir(folder, { recursive: true }).catch(() => null);
  if (names === null) {
    return null;
  }
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
