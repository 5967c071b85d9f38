// Starts what is measured, each as a process of its own that ends with the run.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Started = { readonly url: string; readonly pid: number };

const root = join(import.meta.dir, "../..");

/** Without the pauses of the real one's portal, in which what we add would be lost. */
const stubFlags = ["--port", "0", "--dev", "--poll-ms", "0"];

/** An executable of ours, as users run it. */
export async function startBinary(
  stack: AsyncDisposableStack,
  binary: string,
  ...flags: readonly string[]
): Promise<Started> {
  const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-bench-"));
  stack.defer(() => rm(stateDir, { recursive: true }));
  const child = Bun.spawn([binary, "--port", "0", "--state-dir", stateDir, ...flags], { stderr: "pipe" });
  stack.defer(() => end(child));
  return { url: await firstMatch(child.stderr, /"url":"([^"]+)"/), pid: child.pid };
}

/** One of peers.ts. */
export async function startPeer(stack: AsyncDisposableStack, name: string): Promise<Started> {
  return await startCommand(stack, [process.execPath, join(import.meta.dir, "peers.ts"), name], root);
}

export async function startStub(stack: AsyncDisposableStack): Promise<Started> {
  const script = join(root, "test/stub-microsandbox/main.ts");
  return await startCommand(stack, [process.execPath, script, ...stubFlags], root);
}

/** A command that prints its URL first. */
export async function startCommand(
  stack: AsyncDisposableStack,
  command: readonly string[],
  cwd: string,
): Promise<Started> {
  const child = Bun.spawn([...command], { cwd, stdout: "pipe", stderr: "inherit" });
  stack.defer(() => end(child));
  return { url: await firstMatch(child.stdout, /(http\S+)\n/), pid: child.pid };
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill();
  await child.exited;
}

/** Reads on after the match: a program whose output nobody takes ends or waits. */
function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const read = async () => {
      let text: string | undefined = "";
      for await (const chunk of stream) {
        if (text === undefined) continue;
        text += Buffer.from(chunk).toString();
        const found = pattern.exec(text)?.[1];
        if (found === undefined) continue;
        text = undefined;
        resolve(found);
      }
      reject(new Error(`it ended without saying where it listens: ${text}`));
    };
    read().catch(reject);
  });
}
