// A server over the fake host with a session whose files can be looked into, and short ways to ask for them.

import type { Files } from "../../../src/sandbox/files.ts";
import { type ServedOptions, serveOverFake } from "../../fakes/served.ts";

export const tokens = [
  { principal: "alice", token: "alice-0123456789abcdef" },
  { principal: "bob", token: "bob-0123456789abcdef" },
];

export async function serveFiles(options: ServedOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const served = stack.use(await serveOverFake(options));
  const { call, base, host } = served;
  const { structuredContent } = await call("execute_code", { code: "x = 1" });
  const sessionId = String(structuredContent?.session_id);
  const named = `${base}/sessions/${sessionId}/files`;
  const link = async (path: string, direction: "upload" | "download", more: Readonly<Record<string, unknown>> = {}) => {
    const result = await call("transfer_file", { session_id: sessionId, path, direction, ...more });
    if (result.isError === true) throw new Error(JSON.stringify(result.content));
    return String(result.structuredContent?.url);
  };
  const files: Files = host.only().files;
  const parts = stack.move();
  return { ...served, sessionId, named, link, files, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const never = new AbortController().signal;

export async function textOf(files: Files, path: string): Promise<string> {
  await using file = await files.open(path, never);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < file.info.sizeBytes; ) {
    const piece = await file.read(at, 262_144);
    at += piece.length;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

export async function put(files: Files, path: string, content: string | Uint8Array): Promise<void> {
  const pieces = async function* () {
    yield Buffer.from(content);
  };
  await files.write(path, pieces(), { mode: "replace", makeFolders: true }, never);
}

export async function namesIn(files: Files, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { path: name } of files.walk(path, { depth: 32 }, never)) names.push(name);
  return names;
}

/** The status and the error's word. */
export async function refusalOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error?: string };
  return `${response.status} ${error}`;
}
