// The pool in the whole server, over real namespaces.

import { describe, expect, test } from "bun:test";
import { eventually, leftovers } from "../sandbox/namespace/machine.ts";
import { startWhole } from "./server.ts";

describe.skipIf(Bun.which("bwrap") === null)("with bubblewrap", () => {
  test("a new session takes a sandbox that was ready, the next one finds another, and a shutdown leaves none", async () => {
    const names: string[] = [];
    {
      await using whole = await startWhole([
        ...["--backend", "namespace", "--flavor", "small=1:256"],
        ...["--pool", "python:small=1,node:small=1"],
      ]);
      const filled = () => whole.events.filter(({ type }) => type === "pool.filled").length;
      await eventually("the pool is full", () => filled() === 2);
      const first = await whole.call("execute_code", { code: "x = 41\nx + 1" });
      expect(first.stdout).toBe("42\n");
      await eventually("the pool is full again", () => filled() === 3);
      const second = await whole.call("execute_code", { code: "'x' in globals()" });
      expect(second.stdout).toBe("False\n");
      const node = await whole.call("execute_code", { code: "6 * 7", template: "node" });
      expect(node.stdout).toBe("42\n");
      expect(await whole.call("execute_code", { code: "x", session_id: first.session_id })).toMatchObject({
        stdout: "41\n",
      });
      const opened = whole.events.filter((event) => event.type === "session.opened");
      expect(opened.map(({ isAhead }) => isAhead)).toEqual([true, true, true]);
      names.push(...opened.map(({ sessionId }) => sessionId));
      names.push(...whole.events.flatMap((event) => (event.type === "pool.filled" ? [event.sessionId] : [])));
    }
    expect(await leftovers(names)).toEqual([]);
  }, 60_000);

  test("a session for which there is no room gets that of a sandbox that waits", async () => {
    await using whole = await startWhole([
      ...["--backend", "namespace", "--flavor", "small=1:256", "--max-sessions", "1"],
      ...["--pool", "python:small=1"],
    ]);
    await eventually("the pool is full", () => whole.events.some(({ type }) => type === "pool.filled"));
    const { stdout } = await whole.call("execute_code", { code: "process.version.length > 1", template: "node" });
    expect(stdout).toBe("true\n");
  }, 60_000);
});
