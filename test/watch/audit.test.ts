import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../../src/events.ts";
import { type Audit, openAudit } from "../../src/watch/audit.ts";
import { sampleEvents } from "../fakes/events.ts";
import { FakeClock } from "../fakes/fake-clock.ts";

const KIB = 1024;
const source = "print('ü')\n";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "msb-mcp-audit-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("the audit file", () => {
  test("gets a line for each execution: who, where, what by its hash, how it ended", async () => {
    const { path, audit } = await opened();
    audit.emit(execution({ kind: "command", exitCode: 3, runMs: 1234.5 }));
    audit.emit(sampleEvents["call.ended"]);
    await audit[Symbol.asyncDispose]();
    expect(await linesOf(path)).toEqual([
      {
        time: "2026-11-23T12:00:00.000Z",
        principal: "alice",
        session_id: "session-1",
        execution_id: "execution-1",
        template: "python",
        kind: "command",
        source_sha256: new Bun.CryptoHasher("sha256").update(source).digest("hex"),
        source_bytes: 12,
        ended: "exited",
        exit_code: 3,
        seconds: 1.235,
      },
    ]);
  });

  test("gets a line for each transfer of a file, with its path", async () => {
    const { path, audit } = await opened();
    audit.emit(sampleEvents["transfer.ended"]);
    await audit[Symbol.asyncDispose]();
    expect(await linesOf(path)).toEqual([
      {
        time: "2026-11-23T12:00:00.000Z",
        principal: "alice",
        session_id: "session-1",
        kind: "upload",
        way: "signed",
        path: "data/in.csv",
        bytes: 52_428_800,
        ended: "whole",
        seconds: 0.64,
      },
    ]);
  });

  test("tells on each line which node of a cluster it is", async () => {
    const { path, audit } = await opened({ nodeId: "k3x9q" });
    for (const event of [sampleEvents["transfer.ended"], sampleEvents["network.closed"], execution({})]) {
      audit.emit(event);
    }
    await audit[Symbol.asyncDispose]();
    expect((await linesOf(path)).map(({ node }) => node)).toEqual(["k3x9q", "k3x9q", "k3x9q"]);
  });

  test("gets a line for each connection of a sandbox to a host, and for each that was refused, with whose session it is", async () => {
    const { path, audit } = await opened();
    const { sessionId } = sampleEvents["network.closed"];
    audit.emit({ ...sampleEvents["session.opened"], sessionId, principal: "alice" });
    audit.emit(sampleEvents["network.closed"]);
    audit.emit({ ...sampleEvents["session.closed"], sessionId });
    audit.emit(sampleEvents["network.refused"]);
    await audit[Symbol.asyncDispose]();
    const common = { time: "2026-11-23T12:00:00.000Z", session_id: "session-1", kind: "connection", port: 443 };
    expect(await linesOf(path)).toEqual([
      {
        ...{ ...common, principal: "alice", host: "pypi.org" },
        ...{ ended: "closed", sent_bytes: 1_200, received_bytes: 21_000, seconds: 0.48 },
      },
      { ...common, principal: null, host: "example.com", ended: "refused", rule: "name" },
    ]);
  });

  test("has the source only where that was asked for", async () => {
    const without = await opened();
    without.audit.emit(execution());
    await without.audit[Symbol.asyncDispose]();
    expect(await Bun.file(without.path).text()).not.toContain("print");

    const with_ = await opened({ withSource: true, name: "with-source" });
    with_.audit.emit(execution());
    await with_.audit[Symbol.asyncDispose]();
    expect(await linesOf(with_.path)).toMatchObject([{ source }]);
  });

  test("is readable for its owner alone, and grows over restarts", async () => {
    for (let start = 0; start < 2; start++) {
      const { path, audit } = await opened();
      audit.emit(execution());
      await audit[Symbol.asyncDispose]();
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await linesOf(path)).toHaveLength(start + 1);
    }
  });

  test("may be moved away at any time: the lines after that are in a new one, and none is lost", async () => {
    const { path, audit } = await opened();
    for (let nth = 0; nth < 50; nth++) {
      audit.emit(execution({ sessionId: `session-${nth}` }));
      await new Promise((resolve) => setImmediate(resolve));
      if (nth % 10 === 5) await rename(path, `${path}.${nth}`).catch(() => undefined);
    }
    await audit[Symbol.asyncDispose]();
    const lines = await Promise.all((await readdir(directory)).map((name) => linesOf(join(directory, name))));
    expect(lines.flat().map(({ session_id }) => session_id)).toHaveLength(50);
    expect(new Set(lines.flat().map(({ session_id }) => session_id)).size).toBe(50);
  });

  test("that cannot be opened at the start is an error of the configuration that names it", async () => {
    const path = join(directory, "not-there", "audit.jsonl");
    const opening = openAudit({
      ...{ path, withSource: false, nodeId: () => undefined, clock: new FakeClock(), emit: () => undefined },
    });
    await expect(opening).rejects.toMatchObject({ kind: "configuration", message: expect.stringContaining(path) });
  });
});

describe("a disk that does not take the audit file", () => {
  test("loses nothing once it takes it again, and says both", async () => {
    const folder = join(directory, "mounted");
    await mkdir(folder);
    const { path, audit, clock, events, told } = await opened({ name: "mounted/audit.jsonl" });
    await rm(folder, { recursive: true });
    audit.emit(execution());
    await told("audit.failed");
    audit.emit(execution());
    expect(events).toEqual([{ type: "audit.failed", reason: "ENOENT" }]);
    await mkdir(folder);
    await clock.advance(1000);
    await told("audit.restored");
    await audit[Symbol.asyncDispose]();
    expect(await linesOf(path)).toHaveLength(2);
    expect(events.map(({ type }) => type)).toEqual(["audit.failed", "audit.restored"]);
  });

  test("fails no call while it is full, and what a stop leaves unwritten is told as lost", async () => {
    const { audit, events, told } = await opened({ path: "/dev/full" });
    for (let nth = 0; nth < 10; nth++) audit.emit(execution());
    await told("audit.failed");
    await audit[Symbol.asyncDispose]();
    expect(events).toContainEqual({ type: "audit.failed", reason: "ENOSPC" });
    expect(events.at(-1)).toEqual({ type: "audit.lost", executions: 10 });
  });

  test("holds no more than a bounded number of lines in memory; those beyond are told as lost", async () => {
    const { audit, events, told } = await opened({ path: "/dev/full", withSource: true });
    const large = execution({ source: () => "x".repeat(1024 * KIB) });
    audit.emit(large);
    await told("audit.failed");
    for (let nth = 0; nth < 40; nth++) audit.emit(large);
    const lost = events.filter(({ type }) => type === "audit.lost").length;
    // 16 MiB wait, and one line is being written.
    expect(lost).toBe(40 - 15);
    await audit[Symbol.asyncDispose]();
  });
});

type Opening = {
  readonly path?: string;
  readonly name?: string;
  readonly withSource?: boolean;
  readonly nodeId?: string;
};

async function opened({
  name = "audit.jsonl",
  path = join(directory, name),
  withSource = false,
  nodeId,
}: Opening = {}) {
  const clock = new FakeClock();
  const events: Event[] = [];
  const waiting = new Map<string, () => void>();
  const emit = (event: Event) => {
    events.push(event);
    waiting.get(event.type)?.();
  };
  /** Resolves once there is such an event. */
  const told = (type: Event["type"]) =>
    new Promise<void>((resolve) => {
      if (events.some((event) => event.type === type)) resolve();
      else waiting.set(type, resolve);
    });
  const audit: Audit = await openAudit({ path, withSource, nodeId: () => nodeId, clock, emit });
  return { path, audit, clock, events, told };
}

function execution(more: Partial<(typeof sampleEvents)["execution.ended"]> = {}) {
  return { ...sampleEvents["execution.ended"], source: () => source, ...more };
}

async function linesOf(path: string): Promise<readonly Record<string, unknown>[]> {
  const text = await Bun.file(path).text();
  expect(text).toEndWith("\n");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
