// Containers of the tests: a port that is free, what a server in one says in its log, and calls of its tools.

import type { Docker } from "./daemon.ts";

const tries = 600;
const pauseMs = 100;

/** A port of 127.0.0.1 that nobody has at the moment. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** Until a container's server listens. Throws with its log if it has ended instead. */
export async function listening(docker: Docker, name: string): Promise<void> {
  // Of the last start: an earlier one's lines are in the log too.
  const since = (await docker.out(`docker inspect --format '{{.State.StartedAt}}' ${name}`)).trim();
  await eventually(`${name} listens`, async () => {
    const read = () => docker.sh(`docker logs --since ${since} ${name} 2>&1`);
    if ((await read()).stdout.includes('"server.listening"')) return true;
    const running = await docker.sh(`docker inspect --format '{{.State.Running}}' ${name}`);
    if (running.stdout.trim() === "true") return false;
    // Once more: what was read before may be from before its last words.
    throw new Error(`${name} has ended:\n${(await read()).stdout}`);
  });
}

/** Polls for what another process brings about. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let left = tries; !(await holds()); left--) {
    if (left === 0) throw new Error(`it never came about that ${what}`);
    await Bun.sleep(pauseMs);
  }
}

export type Answer = {
  readonly result?: { readonly session_id: string; readonly structuredContent: Readonly<Record<string, unknown>> };
  readonly error?: { readonly message: string };
};

export async function call(
  at: { readonly port: number; readonly token: string },
  tool: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${at.port}/mcp`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${at.token}` },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: args } }),
  });
  return (await response.json()) as Answer;
}
