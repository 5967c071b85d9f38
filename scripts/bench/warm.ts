// A warm `1+1` over MCP: asking for it, timing it, and how times are shown.

/** Opens a session; returns its id. */
export async function openSession(url: string, template: string): Promise<string> {
  return await callTool(url, { code: "1+1", template });
}

/** Returns the session's id. Throws unless 1+1 is 2. */
export async function callTool(url: string, args: Readonly<Record<string, unknown>>): Promise<string> {
  const params = { name: "execute_code", arguments: args };
  const text = await post(url, { jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const sessionId = /"session_id":"([^"]+)"/.exec(text)?.[1];
  if (!text.includes('"result":"2"') || sessionId === undefined) throw new Error(text);
  return sessionId;
}

export async function post(url: string, body: object): Promise<string> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return await response.text();
}

/** Milliseconds of each way, taking turns, after warming up. */
export async function timeInTurns(
  runs: number,
  ways: readonly (() => Promise<unknown>)[],
): Promise<readonly number[][]> {
  const times: number[][] = ways.map(() => []);
  for (let run = -runs / 10; run < runs; run++) {
    for (const [at, way] of ways.entries()) {
      const startedMs = performance.now();
      await way();
      if (run >= 0) times[at]?.push(performance.now() - startedMs);
    }
  }
  return times;
}

/** The median and the 99th percentile, as two cells of a table. */
export function percentiles(times: readonly number[] | undefined): string {
  const sorted = [...(times ?? [])].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(2);
  return `${at(0.5)} | ${at(0.99)}`;
}
