// What holds once all disturbances of a walk are over: every node counts on every other, each living session is found by each of them, and the registry's
// counts are exact.

import type { Session, Told } from "./book.ts";
import { servedBy } from "./limits.ts";
import { limits, type ModelNode } from "./model-node.ts";
import type { Walked } from "./walked.ts";

type Ask = (what: string, at: ModelNode, session: Session) => Promise<Told>;

export async function checkRest(world: Walked, ask: Ask): Promise<void> {
  const { nodes, book } = world;
  for (const { name, life, standing } of nodes) {
    if (life === undefined) throw new Error(`${name} did not start`);
    if (standing !== "held") throw new Error(`${name} holds no lease: ${standing}`);
    if (life.process.sessions.draining.isOn) throw new Error(`${name} drains still`);
  }
  const records = await world.operator.nodes();
  for (const { id, name } of nodes) {
    const record = records.find((each) => each.id === id);
    if (record === undefined || record.leaseLeftMs <= 0) throw new Error(`the registry does not know ${name}`);
  }
  await checkCounts(world);
  const living = new Set(
    nodes.flatMap(({ life }) => life?.process.sessions.census.map(({ sessionId }) => sessionId) ?? []),
  );
  const asked = book.sessions.filter(({ id }, at) => living.has(id) || at >= book.sessions.length - 6);
  for (const session of asked) {
    for (const node of nodes) {
      const told = await ask(`at rest, ${session.value}`, node, session);
      if (living.has(session.id) && !(told.kind === "done" && told.isSuccess)) {
        throw new Error(
          `${session.value} lives on ${session.owner.name}, and ${node.name} tells: ${JSON.stringify(told)}`,
        );
      }
      if (!living.has(session.id) && told.kind !== "failed") {
        throw new Error(`${session.value} is no more, and ${node.name} tells: ${JSON.stringify(told)}`);
      }
    }
  }
  await checkCounts(world);
}

/** The registry's own numbers are those of the nodes, and no place is held for nobody. */
async function checkCounts(world: Walked): Promise<void> {
  const { nodes } = world;
  const held = await world.stored("ZCARD", "held");
  if (held !== 0) throw new Error(`${held} reservations are held at rest`);
  const totals = new Map<string, number>();
  for (const node of nodes) {
    for (const [principal, count] of servedBy(node)) totals.set(principal, (totals.get(principal) ?? 0) + count);
    const fields = fieldsOf(await world.stored("HGETALL", `node:${node.id}`));
    const { heldSessions = "0", sessions = "0" } = fields;
    if (heldSessions !== "0") throw new Error(`${heldSessions} places of ${node.name} are held at rest`);
    const has = node.life?.process.sessions.counts.active ?? 0;
    if (Number(sessions) !== has) throw new Error(`${node.name} has ${has} sessions, and the registry ${sessions}`);
  }
  for (const principal of ["alice", "bob"]) {
    const counts = fieldsOf(await world.stored("HGETALL", `of:${principal}`));
    for (const node of nodes) {
      const has = servedBy(node).get(principal) ?? 0;
      const told = Number(counts[node.id] ?? 0);
      if (told !== has)
        throw new Error(`${principal} has ${has} sessions on ${node.name}, and the registry counts ${told}`);
    }
    const total = totals.get(principal) ?? 0;
    if (Number(counts["*"] ?? 0) !== total)
      throw new Error(`${principal} has ${total} sessions, and the sum is ${counts["*"]}`);
    if (total > limits.maxSessionsPerPrincipal) return;
  }
  world.isExcessAdmitted = false;
}

function fieldsOf(answer: unknown): Readonly<Record<string, string>> {
  const row = Array.isArray(answer) ? answer.map(String) : [];
  return Object.fromEntries(Array.from({ length: row.length / 2 }, (_, i) => [row[2 * i] ?? "", row[2 * i + 1] ?? ""]));
}
