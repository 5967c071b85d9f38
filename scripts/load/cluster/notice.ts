// How long it takes until a node that was killed is noticed: from its SIGKILL until another node tells one of its sessions lost. A call that comes
// meanwhile is told that the node cannot be reached.

import { bareWay } from "../ways.ts";
import { openSession, openSmall } from "./small.ts";

export type Noticed = { readonly lostAfterMs: number; readonly unreachable: number; readonly slowestMs: number };

/** How often the session is asked for. */
const everyMs = 100;
/** A node is killed at any time between two of its heartbeats, which are 5 s apart. */
const heartbeatMs = 5000;
const maxMs = 60_000;

export async function notice({ argv, redis, rounds }: { argv: readonly string[]; redis: string; rounds: number }) {
  await using opened = new AsyncDisposableStack();
  const { nodes } = await openSmall(opened, { argv, redis, nodes: 2, servers: 0, singles: 0 });
  const noticed: Noticed[] = [];
  for (let round = 0; round < rounds; round++) {
    const sessions = await Promise.all(
      Array.from({ length: 6 }, (_, index) => openSession(bareWay(`${nodes[index % 2]?.url}/mcp`))),
    );
    const [killed, witness] = round % 2 === 0 ? nodes : nodes.toReversed();
    const session = sessions.find((id) => killed?.owns(id));
    if (killed === undefined || witness === undefined || session === undefined)
      throw new Error("no node has a session");
    const way = bareWay(`${witness.url}/mcp`);
    await Bun.sleep(Math.random() * heartbeatMs);
    await killed.kill("SIGKILL");
    noticed.push(await untilLost(() => way.call("execute_command", { command: "true", session_id: session })));
    await killed.startAgain();
    for (const id of sessions) if (!killed.owns(id)) await way.call("stop_session", { session_id: id });
  }
  return noticed;
}

async function untilLost(ask: () => ReturnType<ReturnType<typeof bareWay>["call"]>): Promise<Noticed> {
  const killedMs = performance.now();
  let unreachable = 0;
  let slowestMs = 0;
  while (performance.now() - killedMs < maxMs) {
    const askedMs = performance.now();
    const answer = await ask();
    slowestMs = Math.max(slowestMs, performance.now() - askedMs);
    if (answer.kind === "result") throw new Error(`a node that was killed answers: ${JSON.stringify(answer.content)}`);
    if (answer.reason === "lost") return { lostAfterMs: performance.now() - killedMs, unreachable, slowestMs };
    if (answer.code !== "CONNECTION_ERROR") throw new Error(`${answer.code}: ${answer.message}`);
    unreachable++;
    await Bun.sleep(everyMs);
  }
  throw new Error(`a node that was killed ${maxMs / 1000} s ago is not told lost`);
}
