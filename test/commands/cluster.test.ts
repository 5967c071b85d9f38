// `nodes`, `sessions` and `drain`: what they tell of a registry and of servers that are asked over HTTP.

import { afterEach, describe, expect, test } from "bun:test";
import type { NodeRecord, Registry } from "../../src/cluster/port.ts";
import { RegistryUnreachable } from "../../src/cluster/port.ts";
import { drain } from "../../src/commands/drain.ts";
import { nodes } from "../../src/commands/nodes.ts";
import { sessions } from "../../src/commands/sessions.ts";
import { StartError } from "../../src/failure.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { serveOverFake } from "../fakes/served.ts";

const token = "0123456789abcdef0123456789abcdef";
const clock = new FakeClock();

function record(id: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    ...{ id, address: `http://${id}:8000`, version: "1.2.3", hostname: `${id}.example`, epoch: 1 },
    ...{ isDraining: false, hasLeft: false, leaseLeftMs: 9000, startedAt: clock.now() - 3 * 3_600_000 },
    load: { sessions: 3, maxSessions: 10, memoryMib: 3072, maxMemoryMib: undefined, waiting: 0, ahead: {} },
    ...more,
  };
}

type Asked = Pick<Registry, "nodes" | "requestDrain">;

/** Only what the commands ask. */
function registryOf(records: readonly NodeRecord[], asked: Partial<Asked> = {}) {
  const drained: unknown[] = [];
  const registry = {
    nodes: async () => records,
    node: async (id: string) => records.find((one) => one.id === id),
    requestDrain: async (id: string, isToDrain: boolean) => {
      drained.push([id, isToDrain]);
      return records.some((one) => one.id === id);
    },
    [Symbol.asyncDispose]: async () => undefined,
    ...asked,
  };
  return { drained, openRegistry: async () => registry as Partial<Registry> as Registry };
}

function output() {
  const lines: string[] = [];
  const complaints: string[] = [];
  const write = (line: string) => void lines.push(line);
  const complain = (line: string) => void complaints.push(line);
  return { lines, complaints, write, complain };
}

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

async function server() {
  const served = await serveOverFake({ operatorToken: token });
  opened.push(served);
  await served.call("execute_code", { code: "print" });
  const { hostname: host, port } = new URL(served.base);
  return { ...served, host, port: Number(port) };
}

const asking = { fetch, clock, signal: new AbortController().signal, host: "localhost", port: 1 };

describe("nodes", () => {
  test("tells each node, its state and how much room it has", async () => {
    const { openRegistry } = registryOf([
      record("bbbbb", { isDraining: true }),
      record("aaaaa", { load: { ...record("").load, maxMemoryMib: 8192 } }),
      record("ddddd", { hasLeft: true }),
      record("ccccc", { leaseLeftMs: -40_000 }),
    ]);
    const { lines, ...out } = output();
    expect(await nodes({ openRegistry, isJson: false, clock, ...out })).toBe(0);
    expect(lines).toEqual([
      "NODE   STATE          SESSIONS  WAITING  MEMORY        VERSION  UP   HOST           ADDRESS",
      "aaaaa  serving        3/10      0        3072/8192 MB  1.2.3    3 h  aaaaa.example  http://aaaaa:8000",
      "bbbbb  draining       3/10      0        3072 MB       1.2.3    3 h  bbbbb.example  http://bbbbb:8000",
      "ccccc  lost 40 s ago  -         -        -             1.2.3    -    ccccc.example  http://ccccc:8000",
      "ddddd  left           -         -        -             1.2.3    -    ddddd.example  http://ddddd:8000",
    ]);
  });

  test("tells programs the same in JSON", async () => {
    const { openRegistry } = registryOf([record("aaaaa")]);
    const { lines, ...out } = output();
    expect(await nodes({ openRegistry, isJson: true, clock, ...out })).toBe(0);
    expect(JSON.parse(lines.join("\n"))).toMatchObject({
      nodes: [{ id: "aaaaa", state: "serving", draining: false, sessions: 3, max_sessions: 10, max_memory_mb: null }],
    });
  });

  test("needs a cluster, and tells that its registry cannot be asked", async () => {
    const asked = async (openRegistry: (() => Promise<Registry>) | undefined) => {
      const { complaints, ...out } = output();
      const status = await nodes({ openRegistry, isJson: false, clock, ...out });
      return [status, complaints.join()];
    };
    expect(await asked(undefined)).toEqual([2, expect.stringContaining("give --cluster (MSB_MCP_CLUSTER)")]);
    const unreachable = () => Promise.reject(new RegistryUnreachable("The registry at redis:1 did not answer."));
    expect(await asked(registryOf([], { nodes: unreachable }).openRegistry)).toEqual([
      1,
      "msb-mcp: nodes: The registry at redis:1 did not answer.",
    ]);
    const wrong = () => Promise.reject(new StartError("The address cannot be used.", { isConfiguration: true }));
    expect(await asked(wrong)).toEqual([2, "msb-mcp: nodes: The address cannot be used."]);
  });
});

describe("drain", () => {
  test("asks the registry for a node, and takes it back", async () => {
    const { openRegistry, drained } = registryOf([record("aaaaa")]);
    const { lines, ...out } = output();
    const options = { ...asking, token: undefined, openRegistry, node: "aaaaa", ...out };
    expect(await drain({ ...options, isUndo: false })).toBe(0);
    expect(await drain({ ...options, isUndo: true })).toBe(0);
    expect(drained).toEqual([
      ["aaaaa", true],
      ["aaaaa", false],
    ]);
    expect(lines).toEqual([
      expect.stringContaining("aaaaa opens no new sessions"),
      expect.stringContaining("aaaaa opens new sessions again"),
    ]);
  });

  test("tells of a node that was stopped or lost that it does not hear it now", async () => {
    const { openRegistry } = registryOf([
      { ...record("aaaaa"), hasLeft: true },
      { ...record("bbbbb"), leaseLeftMs: -30_000 },
    ]);
    const { lines, complaints, ...out } = output();
    const options = { ...asking, token, openRegistry, isUndo: false, ...out };
    expect(await drain({ ...options, node: "aaaaa" })).toBe(1);
    expect(await drain({ ...options, node: "bbbbb" })).toBe(0);
    expect(complaints).toEqual([expect.stringContaining("aaaaa was stopped")]);
    expect(lines).toEqual([expect.stringContaining("bbbbb is lost since 30 s")]);
  });

  test("tells which nodes there are where it is given none of them", async () => {
    const { openRegistry } = registryOf([record("aaaaa"), record("bbbbb")]);
    const { complaints, ...out } = output();
    expect(await drain({ ...asking, token, openRegistry, node: "x", isUndo: false, ...out })).toBe(1);
    expect(complaints).toEqual(['msb-mcp: drain: "x" is no node of this cluster; there are aaaaa, bbbbb']);
  });

  test("without a node, drains the server on this machine", async () => {
    const served = await server();
    const { lines, ...out } = output();
    const options = { ...asking, host: served.host, port: served.port, openRegistry: undefined, ...out };
    expect(await drain({ ...options, token, node: undefined, isUndo: false })).toBe(0);
    expect(served.sessions.draining.isOn).toBe(true);
    served.sessions.draining.set("registry", true);
    expect(await drain({ ...options, token, node: undefined, isUndo: true })).toBe(0);
    served.sessions.draining.set("registry", false);
    expect(await drain({ ...options, token, node: undefined, isUndo: true })).toBe(0);
    expect(lines).toEqual([
      `${served.base} opens no new sessions; 1 are left.`,
      `${served.base} opens no new sessions, because another has drained it, too; 1 are left.`,
      `${served.base} opens new sessions again.`,
    ]);
  });

  test("tells what is wrong: no token, another one, no server", async () => {
    const served = await server();
    const at = { ...asking, host: served.host, port: served.port, openRegistry: undefined, node: undefined };
    const told = async (more: { readonly token: string | undefined; readonly port?: number }) => {
      const { complaints, ...out } = output();
      return [await drain({ ...at, isUndo: false, ...more, ...out }), complaints.join()];
    };
    expect(await told({ token: undefined })).toEqual([2, expect.stringContaining("set MCP_OPERATOR_TOKEN")]);
    expect(await told({ token: "x".repeat(32) })).toEqual([1, expect.stringContaining("another operator's token")]);
    expect(await told({ token, port: 1 })).toEqual([1, expect.stringContaining("cannot be reached")]);
  });
});

describe("sessions", () => {
  test("tells those of all nodes, and names a node that did not tell its own", async () => {
    const served = await server();
    const { openRegistry } = registryOf([
      record("aaaaa", { address: served.base }),
      record("bbbbb", { address: "http://127.0.0.1:1" }),
      record("ccccc", { leaseLeftMs: -1 }),
    ]);
    const { lines, complaints, ...out } = output();
    expect(await sessions({ ...asking, clock: served.clock, token, openRegistry, isJson: false, ...out })).toBe(1);
    expect(lines[0]).toMatch(/^SESSION +PRINCIPAL +TEMPLATE +FLAVOR +STATUS +RUNS +AGE +USED$/);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^session-\S+ +local +python +small +ready +1 +0 s +0 s ago$/),
    ]);
    expect(complaints).toEqual([expect.stringContaining("the 3 sessions of bbbbb are not told: http://127.0.0.1:1 ")]);
  });

  test("without the token, tells how many each node has", async () => {
    const { openRegistry } = registryOf([record("bbbbb"), record("aaaaa")]);
    const { lines, complaints, ...out } = output();
    expect(await sessions({ ...asking, token: undefined, openRegistry, isJson: false, ...out })).toBe(0);
    expect(lines).toEqual(["NODE   SESSIONS", "aaaaa  3", "bbbbb  3"]);
    expect(complaints).toEqual([expect.stringContaining("MCP_OPERATOR_TOKEN")]);
  });

  test("without a cluster, tells those of the server on this machine, also to programs", async () => {
    const served = await server();
    const { lines, ...out } = output();
    const at = { ...asking, host: served.host, port: served.port, openRegistry: undefined };
    expect(await sessions({ ...at, token, isJson: true, ...out })).toBe(0);
    expect(JSON.parse(lines.join("\n"))).toMatchObject({
      nodes: [{ count: 1, sessions: [{ principal: "local", template: "python" }] }],
    });
    expect(await sessions({ ...at, token: undefined, isJson: true, ...out })).toBe(2);
  });
});
