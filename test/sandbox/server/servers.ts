// What the tests of this adapter run against: a stub of their own, or the live server at MSB_SERVER_URL.

import { type Clock, systemClock } from "../../../src/clock.ts";
import type { Event } from "../../../src/events.ts";
import type { RunEnd, RunRequest, Sandbox, SandboxHost } from "../../../src/sandbox/port.ts";
import { createServerHost, type ServerHostOptions } from "../../../src/sandbox/server/host.ts";
import { defaultTemplates, type Language, type Template } from "../../../src/sandbox/templates.ts";
import { Stub, type StubOptions } from "../../stub-microsandbox/stub.ts";

const liveUrl = process.env.MSB_SERVER_URL;
const liveKey = process.env.MSB_API_KEY;

/** Where the tests that need no faults of the server's run. */
export const subjectName = liveUrl ? `the live microsandbox server at ${new URL(liveUrl).host}` : "the stub";
export const isLive = liveUrl !== undefined && liveUrl !== "";

/** A host on the live server if there is one, else on a stub of its own. */
export async function subjectHost(stubOptions: StubOptions = {}, clock: Clock = systemClock): Promise<SandboxHost> {
  if (liveUrl) {
    return makeHost({ url: liveUrl, apiKey: liveKey ? liveKey : null, startTimeoutMs: 180_000, clock });
  }
  const stub = await Stub.start({ dev: true, ...stubOptions });
  const host = makeHost({ url: stub.url, clock });
  return {
    backend: host.backend,
    isolation: host.isolation,
    health: (signal) => host.health(signal),
    create: (spec, signal) => host.create(spec, signal),
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      await stub[Symbol.asyncDispose]();
    },
  };
}

export function makeHost(options: Partial<ServerHostOptions> & { readonly url: string }): SandboxHost {
  return createServerHost({
    apiKey: null,
    volumes: [],
    clock: systemClock,
    emit: () => {},
    installationId: "testtest",
    startTimeoutMs: 60_000,
    ...options,
  });
}

export type Arena = AsyncDisposable & {
  readonly stub: Stub;
  readonly host: SandboxHost;
  readonly events: readonly Event[];
  /** Boots a sandbox; those that are left are disposed with the host. */
  create(language?: Language, signal?: AbortSignal): Promise<Sandbox>;
};

/** A stub and a host on it. */
export async function arena(
  stubOptions: StubOptions = {},
  hostOptions: Partial<ServerHostOptions> = {},
): Promise<Arena> {
  const stub = await Stub.start({ dev: true, ...stubOptions });
  const events: Event[] = [];
  const host = makeHost({ url: stub.url, emit: (event) => void events.push(event), ...hostOptions });
  return {
    stub,
    host,
    events,
    create: (language = "python", signal = never) =>
      host.create({ sessionId: `session-${crypto.randomUUID()}`, template: templateOf(language), resources }, signal),
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      await stub[Symbol.asyncDispose]();
    },
  };
}

/** A sandbox as the stub knows it. */
export function keyOf({ name }: { readonly name: string }): string {
  const [sandbox = ""] = name.split("@");
  return `${sandbox.replace(/-t\d+$/, "")}/${sandbox}`;
}

export const never = new AbortController().signal;
export const resources = { cpus: 1, memoryMib: 256 };

export function templateOf(language: Language): Template {
  const template = defaultTemplates.find((one) => one.language === language);
  if (template === undefined) throw new Error(`no template for ${language}`);
  return template;
}

export type Ran = { readonly end: RunEnd; readonly stdout: string; readonly stderr: string };

/** Runs to the end with all of its output as text; `onOutput` hears of each piece. */
export async function ran(
  sandbox: Sandbox,
  kind: RunRequest["kind"],
  source: string,
  options: { readonly signal?: AbortSignal; readonly onOutput?: (text: string) => void } = {},
): Promise<Ran> {
  const parts: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
  const end = await sandbox.run({
    kind,
    source,
    timeoutMs: 60_000,
    signal: options.signal ?? never,
    onOutput: (stream, bytes) => {
      parts[stream].push(bytes);
      options.onOutput?.(Buffer.from(bytes).toString());
    },
  });
  return { end, stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}
