// The compiled program inside the emulated machine, as its users start it, and curl's way to call it.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { gaveUp } from "./patience.ts";

/** The program alone, in a directory with nothing else. */
export const program = "/app/program/msb-mcp";

export type Started = AsyncDisposable & {
  readonly url: string;
  readonly stateDir: string;
  /** All lines of its log so far. */
  readonly log: () => string;
  readonly call: (tool: string, args?: Readonly<Record<string, unknown>>) => Promise<Reply>;
  /** Resolves with the exit status. */
  readonly end: (signal: NodeJS.Signals) => Promise<number>;
};

export type Reply = {
  readonly result?: {
    readonly isError?: boolean;
    readonly content: readonly { readonly text: string }[];
    readonly structuredContent: Readonly<Record<string, unknown>>;
  };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

export type StartOptions = {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of an earlier server whose sessions are to be found. */
  readonly stateDir?: string;
  readonly cwd?: string;
};

export async function start(options: StartOptions = {}): Promise<Started> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "state-")));
  const cwd = options.cwd ?? (await mkdtemp(join(tmpdir(), "cwd-")));
  const flags = ["--backend", "microvm", "--port", "0", "--state-dir", stateDir, "--log-format", "json"];
  const patient = ["--sandbox-start-timeout", "800"];
  const child = Bun.spawn([program, ...flags, ...patient, ...(options.flags ?? [])], {
    cwd,
    env: { PATH: process.env.PATH ?? "", HOME: "/root", ...options.env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let log = "";
  const listening = Promise.withResolvers<string>();
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      log += decoder.decode(bytes, { stream: true });
      const url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1];
      if (url !== undefined) listening.resolve(url);
    }
    listening.reject(new Error(`it ended with ${await child.exited} before it listened:\n${log}`));
  };
  read().catch(listening.reject);
  const url = await listening.promise;
  let lastId = 0;
  const callOnce = async (name: string, args: Readonly<Record<string, unknown>>): Promise<Reply> => {
    lastId += 1;
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: lastId, method: "tools/call", params: { name, arguments: args } }),
      // Bun's own limit is 5 minutes.
      timeout: false,
    });
    return (await response.json()) as Reply;
  };
  // As its message says.
  const call: Started["call"] = async (name, args = {}) => {
    const reply = await callOnce(name, args);
    return reply.error?.message.includes(gaveUp) ? await callOnce(name, args) : reply;
  };
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return child.exited;
  };
  return {
    ...{ url, stateDir, call, end, log: () => log },
    [Symbol.asyncDispose]: async () => {
      await end("SIGTERM");
    },
  };
}

/** Runs the program to its end. */
export async function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([program, ...argv], {
    env: { PATH: process.env.PATH ?? "", HOME: "/root", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, status };
}

/** What a run printed; a reply without a result fails the test. */
export function stdoutOf({ result, error }: Reply): string {
  if (result === undefined) throw new Error(`no result but an error: ${error?.message}`);
  return String(result.structuredContent.stdout);
}

export function sessionOf({ result, error }: Reply): string {
  if (result === undefined) throw new Error(`no result but an error: ${error?.message}`);
  return String(result.structuredContent.session_id);
}
