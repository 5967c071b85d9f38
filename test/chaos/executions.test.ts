// Many executions at once, half of them left running, with cancels, signals and polls at random: every byte that was written is read exactly
// once and in order, and nothing is left. EXECUTIONS=n makes it more, CHAOS_SEED=n repeats it as far as a real machine repeats anything.

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../model/random.ts";
import { eventually, isAlive, KilledServer } from "./killed-server.ts";

const executions = Number(process.env.EXECUTIONS ?? 60);
const sessions = Math.ceil(executions / 10);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const keptTotalBytes = 20_000_000;

/** Writes the numbers up to so many, a line each, on both streams in turn, in pieces with pauses between; then, perhaps, waits for ever. */
const writing = (lines: number, isEndless: boolean) =>
  `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); if [ $((i % 3)) -eq 0 ]; then echo $i >&2; else echo $i; fi; ` +
  `[ $((i % 400)) -eq 0 ] && sleep 0.05; done; ${isEndless ? "sleep 100000" : "true"}`;

type Left = { readonly id: string; readonly lines: number; readonly fate: "ends" | "killed" | "stays" };

test.skipIf(Bun.which("bwrap") === null)(
  "of many executions at once every byte is read once and in order, and nothing of them is left",
  async () => {
    console.log(`chaos: CHAOS_SEED=${seed} EXECUTIONS=${executions}`);
    const random = new Random(seed);
    await using server = new KilledServer([
      ...["--max-sessions", `${sessions}`, "--max-left-running", "100", "--max-left-running-in-all", `${executions}`],
      ...["--max-kept-output-total-bytes", `${keptTotalBytes}`],
    ]);
    await server.start();
    const ids = await Promise.all(
      Array.from({ length: sessions }, async () => (await server.tool("execute_code", { code: "1" })).session_id),
    );
    const before = server.residentBytes;
    const begun = await Promise.all(
      Array.from({ length: executions }, async (_, at): Promise<Left> => {
        const fate = at % 2 === 0 ? "ends" : random.pick(["killed", "stays"] as const);
        const lines = 1000 + random.below(4000);
        const command = writing(lines, fate !== "ends");
        const left = await server.tool("execute_command", { command, session_id: ids[at % sessions], wait: 0 });
        expect(left.status).toBeOneOf(["queued", "running"]);
        return { id: String(left.execution_id), lines, fate };
      }),
    );
    await Promise.all(begun.map((left) => readWhole(server, left, random)));
    const listed = (await server.tool("get_sessions", {})).sessions as readonly { readonly running?: unknown[] }[];
    const staying = begun.filter(({ fate }) => fate === "stays").length;
    expect(listed.flatMap(({ running }) => running ?? []).length).toBe(staying);
    expect(server.residentBytes - before).toBeLessThan(200_000_000);
    expect(sizeBelow(join(server.stateDir, "executions"))).toBeLessThan(keptTotalBytes);

    const started = server.descendants;
    await Promise.all(ids.map((session_id) => server.tool("stop_session", { session_id })));
    await eventually("no process of a stopped session is left", () => !started.some(isAlive));
    expect(sizeBelow(join(server.stateDir, "executions"))).toBe(0);
    const [first] = begun;
    await expect(server.tool("get_execution", { execution_id: first?.id })).rejects.toThrow("is forgotten");
  },
  120_000 + executions * 3000,
);

/** By a cursor that is at times an old one; ends it on the way if that is its fate. */
async function readWhole(server: KilledServer, { id, lines, fate }: Left, random: Random): Promise<void> {
  const total = Array.from({ length: lines }, (_, line) => `${line + 1}\n`).join("").length;
  let read = "";
  for (let offset = 0; read.length < total; ) {
    const isOld = read.length > 10 && random.next() < 0.1;
    const from = isOld ? random.below(read.length) : offset;
    const limit = random.next() < 0.5 ? 1 + random.below(5000) : undefined;
    const seen = await server.tool("get_execution", { execution_id: id, offset: from, wait: 20, limit });
    const output = String(seen.output);
    expect(seen.offset).toBe(from);
    if (isOld) {
      const known = Math.min(output.length, read.length - from);
      expect(output.slice(0, known)).toBe(read.slice(from, from + known));
      continue;
    }
    read += output;
    offset = Number(seen.next_offset);
    expect(offset).toBe(read.length);
    if (output === "") expect(seen.status).not.toBe("ended");
  }
  const numbers = read.trimEnd().split("\n").map(Number);
  expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: lines }, (_, line) => line + 1));
  for (const stream of ["stdout", "stderr"] as const) {
    const own = await server.tool("get_execution", { execution_id: id, stream, offset: 0, limit: 400_000 });
    const inOrder = String(own.output).trimEnd().split("\n").map(Number);
    const isStderr = stream === "stderr";
    expect(inOrder).toEqual(Array.from({ length: lines }, (_, at) => at + 1).filter((n) => (n % 3 === 0) === isStderr));
  }
  if (fate === "stays") return;
  if (fate === "killed") await server.tool("control_execution", { execution_id: id, signal: "terminate" });
  const ended = await server.tool("get_execution", { execution_id: id, wait: 50, tail: 1 });
  const how = fate === "ends" ? { ended: "exited", exit_code: 0 } : { ended: "signaled", signal: "SIGTERM" };
  expect(ended).toMatchObject({ status: "ended", ...how });
}

function sizeBelow(folder: string): number {
  if (!existsSync(folder)) return 0;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.reduce((sum, entry) => {
    return entry.isFile() ? sum + Bun.file(join(entry.parentPath, entry.name)).size : sum;
  }, 0);
}
