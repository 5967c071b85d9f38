// A microvm host in a process of its own, for killed-host.ts: it answers one message with one message, and tells output in between.

import { Failure } from "../../../src/failure.ts";
import type { Sandbox } from "../../../src/sandbox/port.ts";
import { createHost } from "./host.ts";
import type { Answer, Ask, Told } from "./killed-host.ts";

const host = createHost({ installationId: process.argv[2] ?? "" });
const sandboxes = new Map<string, Sandbox>();

process.on("message", ({ id, ask }: { readonly id: number; readonly ask: Ask }) => {
  const tell = (told: Told) => process.send?.({ id, ...told });
  perform(ask, tell).then(
    (answer) => tell({ answer }),
    (error: unknown) => tell({ error: asPlain(error) }),
  );
});

async function perform(ask: Ask, tell: (told: Told) => void): Promise<Answer> {
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
      return await sandboxOf(ask.name).run({
        ...{ kind: ask.kind, source: ask.source, timeoutMs: ask.timeoutMs, signal: never },
        onOutput: (stream, bytes) => tell({ stream, bytes: Buffer.from(bytes).toString("base64") }),
      });
    case "dispose":
      await (ask.name === null ? host : sandboxOf(ask.name))[Symbol.asyncDispose]();
      return null;
  }
}

const never = new AbortController().signal;

function keep(sandbox: Sandbox): Answer {
  sandboxes.set(sandbox.name, sandbox);
  return { name: sandbox.name };
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
