// What holds of a walk after every step: no node has more than its room, and no principal more than its limit over all nodes that serve, but where
// docs/cluster.md says so.

import { limits, type ModelNode } from "./model-node.ts";
import type { Walked } from "./walked.ts";

/** Sessions of each principal that a node has and serves. */
export function servedBy(node: ModelNode): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  if (node.life === undefined || node.standing === "lost") return counts;
  for (const { principal, status } of node.life.process.sessions.census) {
    if (status !== "stopping") counts.set(principal, (counts.get(principal) ?? 0) + 1);
  }
  return counts;
}

export function checkLimits(world: Walked): void {
  const { nodes, options } = world;
  admit(world);
  const totals = new Map<string, number>();
  for (const node of nodes) {
    const places = node.life?.process.admission.usage.places ?? 0;
    if (places > limits.maxSessions) throw new Error(`${node.name} has ${places} places taken`);
    for (const [principal, count] of servedBy(node)) totals.set(principal, (totals.get(principal) ?? 0) + count);
  }
  for (const [principal, total] of totals) {
    const most = world.isExcessAdmitted
      ? limits.maxSessionsPerPrincipal * options.nodes
      : limits.maxSessionsPerPrincipal;
    if (total > most) throw new Error(`${principal} has ${total} sessions, of ${most}`);
  }
}

/**
 * Limits are those of each node where the registry cannot be asked, or has just lost what it knew; and what a node takes up that was told lost comes on top.
 * That is over once the count is within the limit while all are in touch (rest.ts).
 */
function admit(world: Walked): void {
  const { nodes, options, registry } = world;
  const isOnItsOwn =
    options.partition === "serve" && nodes.some(({ standing, life }) => life && standing === "unreachable");
  if (
    isOnItsOwn ||
    (options.partition === "serve" && (registry.isDisturbed || world.net.cuts.some((cut) => cut.includes("registry"))))
  )
    world.isExcessAdmitted = true;
  // Such a node takes up what survived once it has joined the others.
  const hasNotJoined = nodes.some(({ life, standing }) => life?.epochs.length === 0 && standing === "lost");
  if (options.survives && hasNotJoined) world.isExcessAdmitted = true;
}
