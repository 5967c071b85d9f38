// What the microvm backend costs beside the runtime alone, as ratios of one run: a warm call, a pool hit, a cold start, memory a session.
// Usage: bun scripts/bench/microvm.ts PROGRAM [ROUNDS], where microVMs boot; `bun run bench:live` runs it in the emulated machine of test/live.

import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecHandle, ExecSink, Sandbox } from "microsandbox";
import { openRuntime } from "../../src/sandbox/microvm/runtime.ts";
import { defaultTemplates } from "../../src/sandbox/templates.ts";
import { callTool, post } from "./warm.ts";

const [program = "dist/msb-mcp", roundsText = "5"] = process.argv.slice(2);
const rounds = Number(roundsText);
const warmCalls = 40;
const memoryMib = 256;
const image = defaultTemplates.find(({ name }) => name === "python")?.image;
if (image?.kind !== "registry") throw new Error("the python template has no image of a registry");
const { reference } = image;

const { microsandbox } = await openRuntime({ cacheDir: join(tmpdir(), "bench-runtime"), installedDir: undefined });

type Server = AsyncDisposable & {
  readonly pid: number;
  run(sessionId?: string): Promise<string>;
  stop(sessionId: string): Promise<void>;
};

const times: Record<"direct" | "warm" | "hit" | "create" | "cold", number[]> = {
  direct: [],
  warm: [],
  hit: [],
  create: [],
  cold: [],
};
const residentMib: number[] = [];

{
  await using server = await serve([]);
  await using repl = await openRepl();
  const sessionId = await server.run();
  for (let call = 0; call < warmCalls; call++) {
    await timed("direct", () => repl.evaluate());
    await timed("warm", () => server.run(sessionId));
  }
  for (let round = 0; round < rounds; round++) {
    await timed("create", createAndExec);
    const id = await timed("cold", () => server.run());
    await server.stop(id);
  }
  const idle: string[] = [];
  residentMib.push(await residentOf(server.pid));
  for (let count = 0; count < 4; count++) idle.push(await server.run());
  residentMib.push(await residentOf(server.pid));
  for (const id of [...idle, sessionId]) await server.stop(id);
}
{
  await using server = await serve(["--pool", "python:small=1"]);
  for (let round = 0; round < rounds; round++) {
    await Bun.sleep(40_000);
    await server.stop(await timed("hit", () => server.run()));
  }
}

const ratio = (of: keyof typeof times, to: keyof typeof times) => (median(times[of]) / median(times[to])).toFixed(2);
console.log(`
| | median ms | ratio |
|---|--:|--:|
| 1+1 through the SDK's exec stream | ${shown("direct")} | |
| warm execute_code("1+1") over MCP | ${shown("warm")} | ${ratio("warm", "direct")} of the exec stream |
| pool hit, a new session over MCP | ${shown("hit")} | ${ratio("hit", "warm")} of a warm call |
| the SDK's create and first exec | ${shown("create")} | |
| cold start, a new session over MCP | ${shown("cold")} | ${ratio("cold", "create")} of create and exec |

Memory of msb-mcp an idle session: ${(((residentMib[1] ?? 0) - (residentMib[0] ?? 0)) / 4).toFixed(2)} MiB (${residentMib.map((mib) => mib.toFixed(1)).join(" → ")} MiB for four)`);
process.exit(0);

async function timed<T>(what: keyof typeof times, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const value = await work();
  times[what].push(performance.now() - startMs);
  return value;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function shown(what: keyof typeof times): string {
  return median(times[what]).toFixed(1);
}

function machine(): Promise<Sandbox> {
  const builder = microsandbox.Sandbox.builder(`bench-${crypto.randomUUID()}`).image(reference).pullPolicy("never");
  return builder.cpus(1).memory(memoryMib).disableNetwork().detached(true).create();
}

async function createAndExec(): Promise<void> {
  const made = await machine();
  const output = await made.exec("python3", ["-c", "print(1+1)"]);
  if (output.stdout() !== "2\n") throw new Error(`printed ${output.stdout()}`);
  void made.destroy({ force: true });
}

/** Python's own prompt over one exec stream. */
async function openRepl() {
  const made = await machine();
  const handle = await made.execStreamWith("python3", (builder) => builder.args(["-q", "-u", "-i"]).stdinPipe());
  await handle.recv();
  const sink = await handle.takeStdin();
  if (sink === null) throw new Error("the prompt has no stdin");
  await evaluate(handle, sink);
  return {
    evaluate: () => evaluate(handle, sink),
    [Symbol.asyncDispose]: () => made.destroy({ force: true }),
  };
}

async function evaluate(handle: ExecHandle, sink: ExecSink): Promise<void> {
  await sink.write("1+1\n");
  for (let event = await handle.recv(); event !== null; event = await handle.recv()) {
    if (event.kind === "stdout" && Buffer.from(event.data).toString() === "2\n") return;
  }
  throw new Error("the prompt has ended");
}

async function serve(flags: readonly string[]): Promise<Server> {
  const stateDir = await mkdtemp(join(tmpdir(), "bench-state-"));
  const own = ["--backend", "microvm", "--port", "0", "--state-dir", stateDir, "--flavor", `small=1:${memoryMib}`];
  const child = Bun.spawn([program, ...own, "--log-format", "json", ...flags], { stdout: "ignore", stderr: "pipe" });
  const decoder = new TextDecoder();
  let log = "";
  let url = "";
  const reader = child.stderr.getReader();
  while (url === "") {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server ended before it listened:\n${log}`);
    log += decoder.decode(value, { stream: true });
    url = /"event":"server\.listening".*?"url":"([^"]+)"/.exec(log)?.[1] ?? "";
  }
  void drain(reader);
  return {
    pid: child.pid,
    run: (session_id) => callTool(url, { code: "1+1", ...(session_id !== undefined && { session_id }) }),
    stop: async (session_id) => {
      const params = { name: "stop_session", arguments: { session_id } };
      await post(url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

async function drain(reader: { read(): Promise<{ readonly done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}

async function residentOf(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "latin1"))?.[1];
  return Number(kib) / 1024;
}
