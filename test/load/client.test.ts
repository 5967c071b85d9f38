// The load's clients find what is wrong: held against a server that answers rightly, and against ones that do not.

import { expect, test } from "bun:test";
import { Client } from "../../scripts/load/client.ts";
import { phaseFigures, sumOf } from "../../scripts/load/figures.ts";
import { Slot } from "../../scripts/load/slot.ts";
import { Tally } from "../../scripts/load/tally.ts";
import { bareWay } from "../../scripts/load/ways.ts";

type Session = { readonly id: string; readonly template: string; readonly secret: string; steps: number };
type Fault =
  | "none"
  | "swaps secrets"
  | "loses steps"
  | "loses files"
  | "revives the evicted"
  | "takes any id"
  | "fails";

test("a server that answers rightly, and evicts, has no wrong answers", async () => {
  const tally = await loadOn("none");
  expect(tally.wrong).toEqual([]);
  expect(tally.calls).toBe(600);
  expect(tally.evicted.size).toBeGreaterThan(0);
});

test.each<Fault>(["swaps secrets", "loses steps", "loses files", "revives the evicted", "takes any id", "fails"])(
  "a server that %s is found out",
  async (fault) => {
    expect((await loadOn(fault)).wrong).not.toEqual([]);
  },
);

test("figures are the sums and quantiles of a Prometheus text", () => {
  const text = [
    'a_total{x="1"} 2',
    'a_total{x="2"} 3',
    'msb_mcp_execution_phase_seconds_bucket{le="1",phase="run"} 50',
    'msb_mcp_execution_phase_seconds_bucket{le="2",phase="run"} 100',
    'msb_mcp_execution_phase_seconds_bucket{le="+Inf",phase="run"} 100',
  ].join("\n");
  expect(sumOf(text, "a_total")).toBe(5);
  const run = phaseFigures(text).find(({ phase }) => phase === "run");
  expect(run).toEqual({ phase: "run", count: 100, p50: 1, p95: 1.9, p99: 1.98 });
});

async function loadOn(fault: Fault): Promise<Tally> {
  const server = createLiar(fault);
  using listening = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => server(JSON.parse(await request.text())),
  });
  const slots = Array.from({ length: 40 }, (_, index) => new Slot(index));
  const tally = new Tally();
  const way = bareWay(listening.url.href);
  const clients = [1, 2, 3].map((seed) => new Client({ way, slots, tally, seed }));
  await Promise.all(clients.map((client) => client.run(200)));
  return tally;
}

/** Sessions without a sandbox: it knows what the clients' programs do. Only the last ten opened go on. */
function createLiar(fault: Fault) {
  const sessions = new Map<string, Session>();
  const ended = new Map<string, { readonly reason: string; readonly session: Session }>();
  let calls = 0;
  let commands = 0;

  const end = (id: string, reason: string) => {
    const session = sessions.get(id);
    sessions.delete(id);
    if (session !== undefined) ended.set(id, { reason, session });
  };
  const open = (template: string, secret: string): Session => {
    const session = { id: `session-${crypto.randomUUID()}`, template, secret, steps: 0 };
    sessions.set(session.id, session);
    const [oldest] = sessions.keys();
    if (sessions.size > 10 && oldest !== undefined) end(oldest, "evicted");
    return session;
  };
  const ran = (session: Session, stdout: string, isNew = false) =>
    result({ session_id: session.id, session_created: isNew, success: true, ended: "exited", stdout });

  return ({ params: { name, arguments: args } }: { params: { name: string; arguments: Record<string, string> } }) => {
    calls++;
    if (fault === "fails" && calls % 50 === 0) return failure("INTERNAL_ERROR", "");
    const { session_id: id, code = "", command, template = "python" } = args;
    const secret = /secret = "(\w+)"/.exec(code)?.[1];
    if (secret !== undefined) {
      const session = open(template, secret);
      return ran(session, `${secret} 0\n`, true);
    }
    if (name === "get_sessions") {
      const shown = [...sessions.values()].filter((session) => id === undefined || session.id === id);
      return result({ sessions: shown.map((session) => ({ session_id: session.id, template: session.template })) });
    }
    const ending = ended.get(id ?? "");
    const revived = fault === "revives the evicted" ? ending?.session : undefined;
    const any = fault === "takes any id" ? [...sessions.values()][0] : undefined;
    const session = sessions.get(id ?? "") ?? revived ?? any;
    if (name === "stop_session") {
      if (session === undefined) return result({ success: false, reason: ending?.reason ?? "unknown" });
      end(session.id, "stopped");
      return result({ success: true });
    }
    if (session === undefined) return failure("SESSION_NOT_FOUND", ending?.reason ?? "unknown");
    if (args.template !== undefined && args.template !== session.template) return failure("INVALID_ARGUMENTS", "");
    if (command !== undefined) {
      commands++;
      return ran(session, fault === "loses files" && commands % 5 === 0 ? "" : session.secret);
    }
    if (!(fault === "loses steps" && calls % 20 === 0)) session.steps++;
    const other = fault === "swaps secrets" && calls % 20 === 0 ? [...sessions.values()][0] : undefined;
    return ran(session, `${(other ?? session).secret} ${session.steps}\n`);
  };
}

function result(structuredContent: object): Response {
  return Response.json({ jsonrpc: "2.0", id: 1, result: { structuredContent } });
}

function failure(error_code: string, reason: string): Response {
  return Response.json({
    ...{ jsonrpc: "2.0", id: 1 },
    error: { code: -32602, message: error_code, data: { error_code, context: { reason } } },
  });
}
