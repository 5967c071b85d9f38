// `msb-mcp sessions`: the sessions of a server or of all nodes of a cluster, one by one with the operator's token, else how many each node has.

import type { NodeRecord } from "../cluster/port.ts";
import { columns, duration } from "./columns.ts";
import { stateOf } from "./nodes.ts";
import { askOperator, type OperatorClient, ownBase } from "./operator.ts";
import { askRegistry, type RegistryOptions, type RegistryStatus } from "./registry.ts";

export type SessionsOptions = RegistryOptions &
  Omit<OperatorClient, "token"> & {
    readonly token: string | undefined;
    readonly host: string;
    readonly port: number;
    readonly isJson: boolean;
    /** Gets whole lines. */
    readonly write: (line: string) => void;
  };

/** As GET /operator/sessions tells it. */
type Session = {
  readonly session_id: string;
  readonly principal: string;
  readonly template: string;
  readonly flavor: string;
  readonly status: string;
  readonly created_at: string;
  readonly last_accessed: string;
  readonly executions: number;
};

type OfNode = {
  /** Undefined for a server that is no node. */
  readonly node: string | undefined;
  readonly count: number;
  /** Undefined: not asked, or not told. */
  readonly sessions: readonly Session[] | undefined;
  readonly problem: string | undefined;
};

/** Nodes that are asked at a time. */
const atATime = 16;

/** The exit status: 0; 1 if a server did not tell its sessions; 2 if there is none to ask. */
export async function sessions(options: SessionsOptions): Promise<RegistryStatus> {
  const { token, openRegistry, complain } = options;
  if (openRegistry !== undefined) {
    return await askRegistry("sessions", options, async (registry) => {
      const there = (await registry.nodes()).filter((record) => ["serving", "draining"].includes(stateOf(record)));
      return tell(options, await ofNodes(options, there));
    });
  }
  if (token === undefined) {
    complain(
      "msb-mcp: sessions: the server tells its sessions to its operator; set MCP_OPERATOR_TOKEN as the server has it",
    );
    return 2;
  }
  const told = await sessionsAt({ ...options, token }, ownBase(options.host, options.port));
  return tell(options, [{ node: undefined, count: told.sessions?.length ?? 0, ...told }]);
}

async function ofNodes(options: SessionsOptions, records: readonly NodeRecord[]): Promise<readonly OfNode[]> {
  const { token } = options;
  const nodes: OfNode[] = [];
  for (let at = 0; at < records.length; at += atATime) {
    const asked = records.slice(at, at + atATime).map(async ({ id: node, address, load }): Promise<OfNode> => {
      if (token === undefined) return { node, count: load.sessions, sessions: undefined, problem: undefined };
      return { node, count: load.sessions, ...(await sessionsAt({ ...options, token }, address)) };
    });
    nodes.push(...(await Promise.all(asked)));
  }
  return nodes.sort((a, b) => (a.node ?? "").localeCompare(b.node ?? ""));
}

async function sessionsAt(client: OperatorClient, base: string) {
  const told = await askOperator(client, base, "/operator/sessions");
  if (!told.ok) return { sessions: undefined, problem: `${base} ${told.problem}` };
  // The same program answers, of this version or one beside it.
  const { sessions } = told.body as { readonly sessions?: readonly Session[] };
  return Array.isArray(sessions)
    ? { sessions: sessions as readonly Session[], problem: undefined }
    : { sessions: undefined, problem: `${base} does not answer as an msb-mcp server does` };
}

function tell({ isJson, clock, token, write, complain }: SessionsOptions, nodes: readonly OfNode[]): 0 | 1 {
  const problems = nodes.filter(({ problem }) => problem !== undefined);
  const all = nodes.flatMap(({ node, sessions = [] }) => sessions.map((session) => ({ node, session })));
  if (isJson) {
    const perNode = nodes.map(({ node, count, sessions, problem }) => ({ node, count, sessions, problem }));
    write(JSON.stringify({ nodes: perNode }, null, 2));
  } else if (token === undefined) {
    for (const line of columns([["NODE", "SESSIONS"], ...nodes.map(({ node = "", count }) => [node, String(count)])])) {
      write(line);
    }
    complain("With MCP_OPERATOR_TOKEN, as the servers have it, each session is told.");
  } else {
    const rows = all.map(({ session }) => row(session, clock.now()));
    for (const line of columns([header, ...rows])) write(line);
  }
  for (const { node, count, problem } of problems) {
    const whose = node === undefined ? "" : `the ${count} sessions of ${node} are not told: `;
    complain(`msb-mcp: sessions: ${whose}${problem}`);
  }
  return problems.length === 0 ? 0 : 1;
}

const header = ["SESSION", "PRINCIPAL", "TEMPLATE", "FLAVOR", "STATUS", "RUNS", "AGE", "USED"];

function row(session: Session, nowMs: number): readonly string[] {
  const { session_id, principal, template, flavor, status, executions, created_at, last_accessed } = session;
  const since = (time: string) => duration(nowMs - Date.parse(time));
  return [
    ...[session_id, principal, template, flavor, status, String(executions)],
    since(created_at),
    `${since(last_accessed)} ago`,
  ];
}
