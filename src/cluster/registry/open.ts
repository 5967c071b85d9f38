// The registry of a cluster in Valkey or Redis: each call is one script that runs in one step there.

import type { Clock } from "../../clock.ts";
import { StartError } from "../../failure.ts";
import { type Announcement, countsOf, type NewSession, type Placement, type Registry } from "../port.ts";
import { connect } from "./connection.ts";
import { nodeRecord, placement, principalSessions, renewal } from "./records.ts";
import { scripts } from "./scripts.ts";
import { parseRegistryUrl, registryUrlRule } from "./url.ts";

export type RegistryOptions = {
  /** `registryUrlRule` says what it may be. */
  readonly url: string;
  /** Of the cluster: others on the same server are not seen. Letters, digits, ".", "_", "-". */
  readonly name: string;
  /** How long a node counts as there after it was last heard of. */
  readonly leaseMs: number;
  /** How long a place is held for a session that nobody tells of: for longer than one may wait to be opened. Default: a minute. */
  readonly reservationMs?: number;
  /** `ClusterKeys.registryMark`, of who registers: nodes of one cluster have the same. */
  readonly mark?: string;
  readonly clock: Clock;
  /** Called each time that there is a connection again. */
  readonly onBack?: () => void;
};

/** How long a call may take, the time until there is a connection included. */
export const registryTimeoutMs = 2000;
/** How many ended MCP sessions are remembered, and for how long. */
export const endedMcpSessions = 10_000;
const endedKeptMs = 24 * 60 * 60 * 1000;
/** Of what there is in the registry: a later one is no longer understood by this version. */
const layout = 1;

/** Does not wait for a connection: what is asked before there is one waits for it, as long as it may. Throws StartError for a URL that is none. */
export async function openRegistry(
  { url, name, leaseMs, reservationMs = 60_000, mark = "", clock, onBack }: RegistryOptions,
  connectTo: typeof connect = connect,
): Promise<Registry> {
  const address = parseRegistryUrl(url);
  if ("problem" in address) {
    throw new StartError(
      `The address of the registry cannot be used: ${address.problem}. It may be ${registryUrlRule}.`,
      {
        isConfiguration: true,
      },
    );
  }
  const key = `{msb-mcp:${name}}`;
  const ownMark = crypto.randomUUID();
  const listeners = new Set<(announcement: Announcement) => void>();
  const connection = await connectTo({
    address,
    clock,
    timeoutMs: registryTimeoutMs,
    channel: key,
    onReady: () => onBack?.(),
    onMessage(message) {
      const heard = announcementOf(message);
      if (heard === undefined || heard.from === ownMark) return;
      for (const listener of listeners) listener(heard.announcement);
    },
  });
  const run = (script: keyof typeof scripts, ...args: readonly (string | number)[]) =>
    connection.run(scripts[script], key, [leaseMs, ...args]);

  async function placed(session: NewSession, reservation: string, waitsAt: string): Promise<Placement | undefined> {
    const { principal, template, flavor, memoryMib, maxPrincipalSessions, maxPrincipalMemoryMib, node } = session;
    const kind = `${template ?? ""}/${flavor ?? ""}`;
    const about = [principal, kind, memoryMib, maxPrincipalSessions ?? "", reservation, reservationMs];
    return placement(await run("place", ...about, maxPrincipalMemoryMib ?? "", waitsAt, node ?? ""), reservation);
  }

  return {
    async register(facts, load, principals, before) {
      const { sessions, memoryMib } = countsOf(principals);
      const told = [facts, load, sessions].map((part) => JSON.stringify(part));
      const last = [before?.epoch ?? "", before?.isToDrain === true ? "1" : "0"];
      const answer = await run("register", ...told, layout, ...last, JSON.stringify(memoryMib), mark);
      const [outcome, value] = Array.isArray(answer) ? answer : [];
      if (outcome === "epoch") return Number(value);
      const seconds = Math.ceil(leaseMs / 1000);
      if (outcome === "stranger") {
        throw new StartError(
          `The nodes of the cluster "${name}" have another secret than this one. Set MCP_CLUSTER_SECRET to the same on each, or choose another --cluster-name. To change the secret, stop all nodes first; if they are gone, try again in ${seconds} seconds.`,
          { isConfiguration: true },
        );
      }
      throw new StartError(
        outcome === "newer"
          ? `The registry was written by a newer version of msb-mcp (layout ${value}, this one knows ${layout}). Update this node, or choose another --cluster-name.`
          : `Another node of the cluster "${name}" has the id ${facts.id} and lives at ${value}. Each node needs a state directory of its own: choose another --state-dir. If that node is gone, try again in ${seconds} seconds.`,
        { isConfiguration: true },
      );
    },
    async renew({ id, epoch, startedAt, load, isDraining, principals, principalsMemoryMib, principalsAtMs }) {
      connection.probe();
      const [sessions, memoryMib] = [principals, principalsMemoryMib].map((all) => JSON.stringify(all) ?? "");
      const told = [JSON.stringify(load), isDraining ? "1" : "0", sessions ?? ""];
      return renewal(await run("renew", id, epoch, ...told, startedAt ?? "", memoryMib ?? "", principalsAtMs ?? ""));
    },
    async leave(id, epoch) {
      await run("leave", id, epoch);
    },
    async node(id) {
      return nodeRecord(await run("node", id));
    },
    async nodes() {
      const answer = await run("nodes");
      return (Array.isArray(answer) ? answer : []).map(nodeRecord).filter((node) => node !== undefined);
    },
    async requestDrain(id, drain) {
      return (await run("drain", id, drain ? "1" : "0")) === 1;
    },
    async place(session) {
      const reservation = crypto.randomUUID();
      return await placed(session, reservation, "").catch((error: unknown) => {
        // It may be carried out yet, by a registry that stood still; this is then carried out behind it.
        run("giveBack", reservation).catch(() => undefined);
        throw error;
      });
    },
    placeAgain: (session, { nodeId, reservation }) => placed(session, reservation, nodeId),
    async giveBack(reservation) {
      await run("giveBack", reservation);
    },
    async tellPrincipal(id, epoch, principal, { sessions, memoryMib }, reservation) {
      return (await run("tell", id, epoch, principal, sessions, reservation ?? "", memoryMib)) === 1;
    },
    async sessionsOf(principal) {
      return principalSessions(await run("sessionsOf", principal));
    },
    async announce(announcement) {
      const message = JSON.stringify({ from: ownMark, announcement });
      const ended = announcement.type === "mcp_session.ended" ? announcement.mcpSessionId : "";
      await run("announce", message, ended, endedMcpSessions, endedKeptMs);
    },
    listen(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async endedMcpSessions() {
      const answer = await run("ended", endedKeptMs);
      return (Array.isArray(answer) ? answer : []).map(String);
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** Undefined for what is no announcement that this version knows. */
function announcementOf(message: string): { readonly from: string; readonly announcement: Announcement } | undefined {
  try {
    const { from, announcement } = JSON.parse(message);
    const { type, mcpSessionId, requestId, reason } = announcement;
    if (typeof mcpSessionId !== "string") return undefined;
    if (type === "mcp_session.ended") return { from, announcement: { type, mcpSessionId } };
    if (type !== "request.cancelled" || !["string", "number"].includes(typeof requestId)) return undefined;
    return { from, announcement: { type, mcpSessionId, requestId, reason: String(reason) } };
  } catch {
    return undefined;
  }
}
