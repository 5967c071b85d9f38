// Does the server keep what it should forget? MCP sessions opened and abandoned, bare calls and cancelled calls in ten equal
// rounds; heap and RSS after the last must be close to those after the first. Exit status 1 if they are not.
//
//   bun scripts/soak.ts [SCALE]     SCALE 1 (default): 1,000 sessions, 100,000 calls, 10,000 cancelled calls

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const rounds = 10;
const inAll = { sessions: 1000, calls: 100_000, cancels: 10_000 };
/** What the end may be above the first round, as a share of it. */
const allowedGrowth = 0.1;
/** Requests in flight at a time: below the server's limit for one caller. */
const connections = 32;
/** Sandboxes that the cancelled calls run in, so that the queue of none gets long. */
const sandboxes = 4;
/** Longest wait for one answer of the server, in milliseconds. */
const patienceMs = 60_000;

type Sample = { readonly heapMib: number; readonly objects: number; readonly rssMib: number; readonly seconds: number };

type Server = AsyncDisposable & { readonly url: string; sample(): Promise<Omit<Sample, "seconds">> };

const scale = Number(Bun.argv[2] ?? 1);
process.exitCode = await soak();

async function soak(): Promise<0 | 1> {
  await using server = await startServer();
  const samples: Sample[] = [];
  const ids = await Promise.all(Array.from({ length: sandboxes }, () => openSandbox(server.url)));
  const share = (count: number) => Math.ceil((count * scale) / rounds);
  console.log("| after round | heap MiB | objects | RSS MiB | seconds |\n|--:|--:|--:|--:|--:|");
  for (let round = 0; round <= rounds; round++) {
    const startedMs = performance.now();
    await spread(share(inAll.sessions), connections, () => abandonSession(server.url));
    await spread(share(inAll.calls), connections, () => callBare(server.url));
    await spread(share(inAll.cancels), sandboxes, (turn, lane) => cancelCall(server.url, ids[lane] ?? "", turn));
    const sample = { ...(await server.sample()), seconds: (performance.now() - startedMs) / 1000 };
    // Round 0 is in addition: in it the code is compiled and the allocator finds its size, which is growth but not a leak.
    if (round > 0) samples.push(sample);
    const { heapMib, objects, rssMib, seconds } = sample;
    console.log(`| ${round} | ${heapMib.toFixed(1)} | ${objects} | ${rssMib.toFixed(1)} | ${seconds.toFixed(1)} |`);
  }
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (first === undefined || last === undefined) return 1;
  const heapGrowth = last.heapMib / first.heapMib - 1;
  const rssGrowth = last.rssMib / first.rssMib - 1;
  const shown = (growth: number) => `${(growth * 100).toFixed(1)} %`;
  console.log(`\ngrowth after the first round: heap ${shown(heapGrowth)}, RSS ${shown(rssGrowth)}; allowed 10 %`);
  return heapGrowth <= allowedGrowth && rssGrowth <= allowedGrowth ? 0 : 1;
}

/** Does it `count` times, `lanes` at a time. */
async function spread(count: number, lanes: number, act: (turn: number, lane: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (_: unknown, lane: number) => {
    for (let turn = next++; turn < count; turn = next++) await act(turn, lane);
  };
  await Promise.all(Array.from({ length: lanes }, work));
}

async function abandonSession(url: string): Promise<void> {
  await openMcpSession(url);
}

async function callBare(url: string): Promise<void> {
  const text = await (await post(url, request(1, "tools/call", { name: "get_volume_path", arguments: {} }))).text();
  if (!text.includes('"volume_mappings"')) throw new Error(`unexpected answer: ${text}`);
}

/** In turns: the client closes its connection, or says so in its MCP session. */
async function cancelCall(url: string, sandboxId: string, turn: number): Promise<void> {
  const endless = { code: "import time; time.sleep(600)", session_id: sandboxId };
  const call = request(1, "tools/call", { name: "execute_code", arguments: endless });
  if (turn % 2 === 0) {
    const leaving = new AbortController();
    const answer = post(url, call, {}, leaving.signal).then(
      () => Promise.reject(new Error("an endless call has ended")),
      () => undefined,
    );
    await Bun.sleep(5);
    leaving.abort();
    return answer;
  }
  const session = { "Mcp-Session-Id": await openMcpSession(url) };
  const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
  let isAnswered = false;
  const answer = post(url, call, session).finally(() => {
    isAnswered = true;
  });
  // Until it is answered: on two connections the notification may overtake the call, and then it means nothing.
  while (!isAnswered) {
    await Bun.sleep(5);
    await (await post(url, cancelled, session)).text();
  }
  const text = await (await answer).text();
  if (!text.includes("-32800")) throw new Error(`not cancelled: ${text}`);
  // Ended, because the first part is about those that are abandoned, and there may be no more than the server's cap.
  await fetch(url, { method: "DELETE", headers: session });
}

async function openMcpSession(url: string): Promise<string> {
  const clientInfo = { name: "soak", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const response = await post(url, request(0, "initialize", params));
  await response.text();
  const id = response.headers.get("mcp-session-id");
  if (id === null) throw new Error(`initialize answered ${response.status} without a session`);
  return id;
}

async function openSandbox(url: string): Promise<string> {
  const text = await (
    await post(url, request(1, "tools/call", { name: "execute_code", arguments: { code: "1" } }))
  ).text();
  const id = /"session_id":"([^"]+)"/.exec(text)?.[1];
  if (id === undefined) throw new Error(`no sandbox: ${text}`);
  return id;
}

function request(id: number, method: string, params: Readonly<Record<string, unknown>>) {
  return { jsonrpc: "2.0", id, method, params };
}

function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal = AbortSignal.timeout(patienceMs),
) {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  });
}

/** From source, since the heap of a compiled program cannot be asked for. */
async function startServer(): Promise<Server> {
  const root = join(import.meta.dir, "..");
  const stateDir = await mkdtemp(join(tmpdir(), "msb-mcp-soak-"));
  const preload = join(root, "scripts/soak/heap-on-signal.ts");
  const flags = ["--port", "0", "--backend", "namespace", "--state-dir", stateDir, "--log-level", "INFO"];
  const child = Bun.spawn([process.execPath, "--preload", preload, join(root, "src/main.ts"), ...flags], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const listening = Promise.withResolvers<string>();
  let sampled = Promise.withResolvers<{ readonly heapBytes: number; readonly objects: number }>();
  const read = async () => {
    for await (const line of linesOf(child.stderr)) {
      const entry = JSON.parse(line);
      if (entry.event === "server.listening") listening.resolve(entry.url);
      else if (entry.event === "soak.heap") sampled.resolve(entry);
    }
    const ended = new Error(`the server ended with ${await child.exited}`);
    listening.reject(ended);
    sampled.reject(ended);
  };
  // Nobody waits for a sample when the server is stopped at the end.
  sampled.promise.catch(() => undefined);
  void read();
  return {
    url: await listening.promise,
    async sample() {
      sampled = Promise.withResolvers();
      child.kill("SIGUSR2");
      const { heapBytes, objects } = await sampled.promise;
      const status = await Bun.file(`/proc/${child.pid}/status`).text();
      const rssKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
      return { heapMib: heapBytes / 2 ** 20, objects, rssMib: rssKib / 1024 };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
