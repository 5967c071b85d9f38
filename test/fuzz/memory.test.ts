// Nothing is kept of what has ended: a tenth of scripts/soak.ts in this process, where the heap can be asked for.

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { settle } from "../fakes/fake-clock.ts";
import { initialize, openApp } from "./composition.ts";

const rounds = 10;
const perRound = { sessions: 10, calls: 1000, cancels: 100 };
/** Objects that a round may leave: each abandoned MCP session is remembered with a few until it is idle for long. */
const objectsPerRound = 300;
const testMs = 60_000;

test(
  "abandoned MCP sessions, bare calls and cancelled calls leave next to nothing on the heap",
  async () => {
    await using composed = await openApp();
    const ask = (request: Request) => Promise.resolve(composed.app.fetch(request));
    const counts: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      let sandbox: string | undefined;
      for (let at = 0; at < perRound.sessions; at++) await (await ask(initialize())).text();
      for (let at = 0; at < perRound.calls; at++) await (await ask(call("get_volume_path", {}))).text();
      for (let at = 0; at < perRound.cancels; at++) {
        const text = await (await ask(call("execute_code", { code: "print on", session_id: sandbox }))).text();
        sandbox ??= JSON.parse(text).result.session_id;
        const leaving = new AbortController();
        const answer = ask(call("execute_code", { code: "forever", session_id: sandbox }, leaving.signal));
        await new Promise((resolve) => setImmediate(resolve));
        leaving.abort();
        expect(await (await answer).text()).toContain("-32800");
      }
      await (await ask(call("stop_session", { session_id: sandbox }))).text();
      composed.events.length = 0;
      composed.forget();
      // What was put off to the next turn of the event loop is let go of in it.
      await settle();
      Bun.gc(true);
      counts.push(heapStats().objectCount);
    }
    // Of the rounds after the first, in which code is compiled and tables are made.
    const [first = 0] = counts.slice(1);
    // The least of the last three, because the collector now and then takes garbage on a stack for a reference.
    const last = Math.min(...counts.slice(-3));
    expect(last - first).toBeLessThan(objectsPerRound * (rounds - 1));
  },
  testMs,
);

function call(name: string, args: Readonly<Record<string, unknown>>, signal?: AbortSignal): Request {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  const headers = { Host: "localhost", "Content-Type": "application/json" };
  return new Request("http://localhost/mcp", { method: "POST", headers, body, ...(signal && { signal }) });
}
