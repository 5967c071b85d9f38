// A microvm host in a process of its own, for killed-host.ts: it answers one message with one message, and tells output in between.

import { Failure } from "../../../src/failure.ts";
import type { RunControl, Sandbox, Stream } from "../../../src/sandbox/port.ts";
import { createHost } from "./host.ts";
import type { Answer, Ask, Told } from "./killed-host.ts";

const host = createHost({ installationId: process.argv[2] ?? "" });
const sandboxes = new Map<string, Sandbox>();

process.on("message", ({ id, ask }: { readonly id: number; readonly ask: Ask }) => {
  const tell = (told: Told) => process.send?.({ id, ...told });
  perform(id, ask, tell).then(
    (answer) => tell({ answer }),
    (error: unknown) => tell({ error: asPlain(error) }),
  );
});

const runs = new Map<number, { readonly abort: () => void; control?: RunControl }>();

async function perform(id: number, ask: Ask, tell: (told: Told) => void): Promise<Answer> {
  const { survivors } = host;
  if (survivors === undefined) throw new Error("a host whose sandboxes survive has survivors");
  const signal = "left" in ask && ask.left !== null ? AbortSignal.abort(new Error(ask.left)) : never;
  switch (ask.what) {
    case "create":
      return keep(await host.create(ask.spec, signal));
    case "adopt":
      return keep(await survivors.adopt(ask.name, ask.spec, signal));
    case "list":
      return [...(await survivors.list(signal))];
    case "destroy":
      await survivors.destroy(ask.name, signal);
      return null;
    case "run":
      return await sandboxOf(ask.name).run({ ...ask, ...eventsOf(id, tell) });
    case "resume":
      return (await sandboxOf(ask.name).resume?.({ ...ask, ...eventsOf(id, tell) })) ?? null;
    case "send": {
      const run = runs.get(ask.run);
      if (ask.signal === "abort") run?.abort();
      else run?.control?.send(ask.signal);
      return null;
    }
    case "write":
      await beginWrite(sandboxOf(ask.name), ask.path);
      return null;
    case "dispose":
      await (ask.name === null ? host : sandboxOf(ask.name))[Symbol.asyncDispose]();
      return null;
  }
}

const never = new AbortController().signal;

function eventsOf(id: number, tell: (told: Told) => void) {
  const caller = new AbortController();
  const run: { abort: () => void; control?: RunControl } = { abort: () => caller.abort() };
  runs.set(id, run);
  return {
    signal: caller.signal,
    onOutput: (stream: Stream, bytes: Uint8Array) => tell({ stream, bytes: Buffer.from(bytes).toString("base64") }),
    onMissing: (stream: Stream, bytes: number) => tell({ missing: stream, bytes }),
    onStarted: (control: RunControl) => {
      run.control = control;
      tell({ started: true });
    },
  };
}

async function beginWrite({ files }: Sandbox, path: string): Promise<void> {
  const some = Promise.withResolvers<void>();
  const content = async function* () {
    yield new Uint8Array(100_000);
    await files.stat(path, never).catch(() => {});
    some.resolve();
    await new Promise(() => {});
  };
  files.write(path, content(), { mode: "new", makeFolders: true }, never).catch(some.reject);
  await some.promise;
}

function keep(sandbox: Sandbox): Answer {
  sandboxes.set(sandbox.name, sandbox);
  return { name: sandbox.name, resumable: sandbox.resumable ?? [] };
}

function sandboxOf(name: string): Sandbox {
  const sandbox = sandboxes.get(name);
  if (sandbox === undefined) throw new Error(`this process has no sandbox ${name}`);
  return sandbox;
}

function asPlain(error: unknown): { readonly kind: Failure["kind"] | null; readonly message: string } {
  if (error instanceof Failure) return { kind: error.kind, message: error.message };
  return { kind: null, message: error instanceof Error ? error.message : String(error) };
}
