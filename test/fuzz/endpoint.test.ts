// The endpoint under mutated requests of all three ways, over the fake host. FUZZ_SEED repeats a run; FUZZ_REQUESTS lengthens it.

import { expect, test } from "bun:test";
import { initialize, openApp } from "./composition.ts";
import { draft, mutate, seededRandom } from "./mutations.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);
const requests = Number(process.env.FUZZ_REQUESTS ?? 5000);
/** No answer may take longer, in milliseconds: everything runs in this process and nothing sleeps. */
const answerMs = 5000;
const testMs = 120_000;

test(
  `${requests} mutated requests of all three ways are each answered in time, without a 5xx, in JSON-RPC (seed ${seed})`,
  async () => {
    await using fuzzed = await openApp();
    const random = seededRandom(seed);
    const ask = (request: Request) => Promise.resolve(fuzzed.app.fetch(request));
    const sessionId = await openSession(ask);
    const statuses = new Map<number, number>();
    for (let turn = 0; turn < requests; turn++) {
      const request = mutate(random, draft(random, sessionId));
      const shown = `seed ${seed}, request ${turn}: ${JSON.stringify({ ...request, text: request.text.slice(0, 2000) })}`;
      const init = built(request);
      if (init === undefined) continue;
      const leaving = new AbortController();
      const response = await inTime(ask(new Request(init, { signal: leaving.signal })), shown);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status >= 500) throw new Error(`${response.status} ${await response.text()}\n${shown}`);
      if (request.method === "GET" && response.status === 200) await response.body?.cancel();
      else expectJsonRpc(response, await inTime(response.text(), shown), shown);
      leaving.abort();
    }
    // A mutation that is never served, or never refused, tests half of the endpoint.
    for (const status of [200, 202, 400, 403, 404, 405, 406, 415]) expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
    expect(fuzzed.events.filter(({ type }) => type === "request.failed")).toEqual([]);
    expect((await ask(initialize())).status).toBe(200);
  },
  testMs,
);

type Built = ReturnType<typeof mutate>;

/** Undefined where not even a client could build it. */
function built({ method, headers, text }: Built): Request | undefined {
  try {
    const hasBody = method !== "GET" && method !== "HEAD";
    return new Request("http://localhost/mcp", { method, headers, ...(hasBody && { body: text }) });
  } catch {
    return undefined;
  }
}

async function openSession(ask: (request: Request) => Promise<Response>): Promise<string> {
  return (await ask(initialize())).headers.get("mcp-session-id") ?? "";
}

async function inTime<T>(wanted: Promise<T>, shown: string): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const late = setTimeout(() => timer.reject(new Error(`no answer in ${answerMs} ms\n${shown}`)), answerMs);
  try {
    return await Promise.race([wanted, timer.promise]);
  } finally {
    clearTimeout(late);
  }
}

function expectJsonRpc(response: Response, text: string, shown: string): void {
  if (text === "") {
    if (![202, 204].includes(response.status) && !shown.includes('"HEAD"'))
      throw new Error(`an empty ${response.status}\n${shown}`);
    return;
  }
  const type = response.headers.get("content-type") ?? "";
  const texts = type.startsWith("text/event-stream") ? dataOf(text) : [text];
  for (const message of texts.flatMap((json) => JSON.parse(json))) {
    if (!isMessage(message)) throw new Error(`not JSON-RPC: ${text.slice(0, 500)}\n${shown}`);
  }
}

/** What the events carry; events without data only keep a stream alive or give it an id. */
function dataOf(text: string): string[] {
  const data = text.split("\n").filter((line) => line.startsWith("data:"));
  return data.map((line) => line.slice(5).trim()).filter((line) => line !== "");
}

function isMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("jsonrpc" in value) || value.jsonrpc !== "2.0") return false;
  if ("method" in value) return typeof value.method === "string";
  if ("result" in value) return "id" in value && typeof value.result === "object";
  if (!("error" in value) || typeof value.error !== "object" || value.error === null) return false;
  const { error } = value;
  return "code" in error && Number.isSafeInteger(error.code) && "message" in error && typeof error.message === "string";
}
