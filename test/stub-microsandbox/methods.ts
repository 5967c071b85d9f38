// What each JSON-RPC method does.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { badRequest, internal, ServerError } from "./errors.ts";
import { CommandParams, checkName, MetricsParams, parseParams, ReplParams, StartParams, StopParams } from "./params.ts";
import { entries, putEntry } from "./sandboxfile.ts";
import type { Supervisor } from "./supervisor.ts";

export type MethodContext = {
  readonly root: string;
  readonly sandboxfileGapMs: number;
  readonly supervisor: Supervisor;
};

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
  const entry = (await entries(context.root, namespace))[sandbox];
  if (entry === undefined) {
    throw internal();
  }
  await context.supervisor.up(namespace, sandbox, entry);
  return `Sandbox ${sandbox} started successfully`;
}

async function stop(context: MethodContext, raw: unknown): Promise<string> {
  const { sandbox, namespace } = parseParams("sandbox.stop", StopParams, raw);
  checkNames(sandbox, namespace);
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
        disk_usage: await diskUsage(join(context.root, one, ".menv", "rw", "Sandboxfile", name)),
      });
    }
  }
  return { sandboxes };
}

async function replRun(context: MethodContext, raw: unknown): Promise<unknown> {
  const { sandbox, namespace, language, code, timeout } = parseParams("sandbox.repl.run", ReplParams, raw);
  requireNames(sandbox, namespace);
  const portal = await context.supervisor.portal(`${namespace}/${sandbox}`);
  return { status: "success", language, output: await portal.evaluate(language, code, timeout ?? null) };
}

async function commandRun(context: MethodContext, raw: unknown): Promise<unknown> {
  const { sandbox, namespace, command, args, timeout } = parseParams("sandbox.command.run", CommandParams, raw);
  requireNames(sandbox, namespace);
  const portal = await context.supervisor.portal(`${namespace}/${sandbox}`);
  return await portal.command(command, args ?? [], timeout ?? null);
}

function checkNames(sandbox: string, namespace: string): void {
  checkName("Sandbox", sandbox);
  checkName("Namespace", namespace);
}

function requireNames(sandbox: string, namespace: string): void {
  if (sandbox === "" || namespace === "") {
    throw badRequest("Sandbox and namespace are required");
  }
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
