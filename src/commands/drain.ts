// `msb-mcp drain [NODE]`: has a node of a cluster, or the server on this machine, open no new sessions; or, with --undo, open them again.

import { duration } from "./columns.ts";
import { stateOf } from "./nodes.ts";
import { askOperator, type OperatorClient, ownBase } from "./operator.ts";
import { askRegistry, type RegistryOptions, type RegistryStatus } from "./registry.ts";

export type DrainOptions = RegistryOptions &
  Omit<OperatorClient, "token"> & {
    readonly token: string | undefined;
    /** A node's id; undefined: the server that the same options start on this machine. */
    readonly node: string | undefined;
    readonly isUndo: boolean;
    readonly host: string;
    readonly port: number;
    /** Gets whole lines, for people. */
    readonly write: (line: string) => void;
  };

/** The exit status: 0 once the server, or the registry for it, has been told; 1 if not; 2 if there is none to tell. */
export async function drain(options: DrainOptions): Promise<RegistryStatus> {
  const { node } = options;
  return node === undefined ? await drainHere(options) : await drainNode(options, node);
}

async function drainNode(options: DrainOptions, node: string): Promise<RegistryStatus> {
  const { isUndo, write, complain } = options;
  return await askRegistry("drain", options, async (registry) => {
    if (!(await registry.requestDrain(node, !isUndo))) {
      const known = (await registry.nodes()).map(({ id }) => id);
      const there = known.length === 0 ? "none is known" : `there are ${known.slice(0, 20).join(", ")}`;
      complain(`msb-mcp: drain: ${JSON.stringify(node)} is no node of this cluster; ${there}`);
      return 1;
    }
    const record = await registry.node(node);
    if (record?.hasLeft === true) {
      complain(`msb-mcp: drain: ${node} was stopped; once it is started again, it opens new sessions`);
      return 1;
    }
    if (record !== undefined && stateOf(record) === "lost") {
      const since = duration(-record.leaseLeftMs);
      write(`${node} is lost since ${since}. It is told if it comes back; started again, it opens new sessions.`);
      return 0;
    }
    write(
      isUndo
        ? `${node} opens new sessions again with its next heartbeat, unless its own operator has drained it, too.`
        : `${node} opens no new sessions from its next heartbeat on; msb-mcp nodes tells how many it has left.`,
    );
    return 0;
  });
}

async function drainHere(options: DrainOptions): Promise<RegistryStatus> {
  const { token, isUndo, host, port, write, complain } = options;
  if (token === undefined) {
    complain(
      "msb-mcp: drain: the server obeys its operator; set MCP_OPERATOR_TOKEN as the server has it, or name a NODE of a cluster",
    );
    return 2;
  }
  const base = ownBase(host, port);
  const body = JSON.stringify({ drain: !isUndo });
  const told = await askOperator({ ...options, token }, base, "/drain", { method: "POST", body });
  if (!told.ok) {
    complain(`msb-mcp: drain: ${base} ${told.problem}`);
    return 1;
  }
  const { draining, sessions } = told.body as { readonly draining?: unknown; readonly sessions?: unknown };
  write(
    draining === true
      ? `${base} opens no new sessions${isUndo ? ", because another has drained it, too" : ""}; ${sessions} are left.`
      : `${base} opens new sessions again.`,
  );
  return 0;
}
