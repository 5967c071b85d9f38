// get_execution: every part of an execution's output, to its principal alone, in answers that every client takes.

import { describe, expect, test } from "bun:test";
import { rememberedExecutions } from "../../../src/sessions/executions/executions.ts";
import { settle } from "../../fakes/fake-clock.ts";
import { type ServedOptions, serveOverFake } from "../../fakes/served.ts";
import { type Arguments, contentOf, executionsOf, leave, running, type Served, steered, textOf } from "./executions.ts";

const roomy: ServedOptions = { limits: { maxKeptOutputBytes: 8_000_000 } };

function numbered(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join("");
}

async function looked(served: Served, args: Arguments) {
  const result = await served.call("get_execution", args);
  const { output = "", next_offset = 0, has_more = false, ...content } = contentOf(result);
  // Text and structured content are one cut.
  expect(textOf(result)).toMatch(/\[execution-[^\n]*\]$/);
  const end = String(output).endsWith("\n") || output === "" ? "" : "\n";
  expect(textOf(result).slice(0, textOf(result).lastIndexOf("[execution-"))).toBe(`${output}${end}`);
  return { output: String(output), next_offset: Number(next_offset), has_more: has_more === true, ...content };
}

describe("a cursor", () => {
  test.each(["bytes", "lines"])("in %s reads every line of a run that goes on exactly once, in order", async (unit) => {
    await using served = await serveOverFake(roomy);
    const run = await steered(served);
    const whole = Buffer.from(numbered(0, 3000).replaceAll("9", "漢"));
    let read = "";
    let offset = 0;
    const poll = async (limit: number) => {
      const { execution_id } = run;
      const seen = await looked(served, { execution_id, unit, offset, limit });
      read += seen.output;
      offset = seen.next_offset;
      return seen;
    };
    // Pieces end anywhere, in characters too.
    for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 7 + 3) % 1601) {
      run.write(whole.subarray(at, at + size));
      if (size % 3 === 0) await poll((size % 97) + 4);
    }
    await run.end();
    while ((await poll(5000)).has_more);
    expect(read).toBe(whole.toString());
    expect(offset).toBe(unit === "bytes" ? whole.length : 3000);
  });

  test("of one stream leaves the other out, and all tells both as they came", async () => {
    await using served = await serveOverFake();
    const { execution_id, write } = await steered(served);
    for (const at of [0, 1, 2]) write(`${at}\n`, at === 1 ? "stderr" : "stdout");
    expect((await looked(served, { execution_id })).output).toBe("0\n1\n2\n");
    expect(await looked(served, { execution_id, stream: "stdout" })).toMatchObject({
      ...{ output: "0\n2\n", stdout_bytes: 4, stderr_bytes: 2, status: "running" },
    });
    expect((await looked(served, { execution_id, stream: "stderr", offset: 0 })).output).toBe("1\n");
  });

  test("with a wait is answered by output behind it, at once if that is there, else by the end", async () => {
    await using served = await serveOverFake();
    const { execution_id, write, end } = await steered(served);
    write("one\ntwo\n");
    expect((await looked(served, { execution_id, offset: 1, unit: "lines", wait: 50 })).output).toBe("two\n");
    const sleeping = served.clock.sleeping;
    const waiting = looked(served, { execution_id, offset: 8, wait: 50 });
    while (served.clock.sleeping === sleeping) await settle();
    write("three\n");
    expect(await waiting).toMatchObject({ output: "three\n", next_offset: 14, status: "running" });
    const toTheEnd = looked(served, { execution_id, wait: 50 });
    while (served.clock.sleeping === sleeping) await settle();
    write("four");
    await end();
    expect(await toTheEnd).toMatchObject({ output: "one\ntwo\nthree\nfour", status: "ended", success: true });
    expect(await looked(served, { execution_id, offset: 3, unit: "lines", wait: 50 })).toMatchObject({
      output: "four",
    });
  });

  test("beyond the end is told where the end is", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await served.call("execute_command", { command: "print one" });
    const beyond = { execution_id, offset: 1000 };
    const end = { output: "", has_more: false };
    expect(await looked(served, beyond)).toMatchObject({ ...end, offset: 4, next_offset: 4 });
    expect(await looked(served, { ...beyond, unit: "lines" })).toMatchObject({ ...end, offset: 1, next_offset: 1 });
    expect(await looked(served, { ...beyond, search: "one" })).toMatchObject({ ...end, matches: 0, next_offset: 1 });
  });
});

describe("a part", () => {
  test("is the last lines, a range of lines, or what a regular expression matches", async () => {
    await using served = await serveOverFake(roomy);
    const { execution_id, write, end } = await steered(served);
    write(numbered(0, 20_000));
    await end();
    expect((await looked(served, { execution_id, tail: 2 })).output).toBe("line 19998\nline 19999\n");
    const range = await looked(served, { execution_id, unit: "lines", offset: 700, limit: 2 });
    expect(range).toMatchObject({ output: "line 700\nline 701\n", next_offset: 702, has_more: true, unit: "lines" });
    const found = await looked(served, { execution_id, search: "e 1234[56]$", around: 1 });
    expect(found).toMatchObject({
      ...{ matches: 2, unit: "lines", has_more: false },
      output: "12345-line 12344\n12346:line 12345\n12347:line 12346\n12348-line 12347\n",
    });
    expect(await looked(served, { execution_id, search: "nowhere" })).toMatchObject({ output: "", matches: 0 });
    const first = await looked(served, { execution_id, search: "00$", limit: 1, around: 0 });
    const second = await looked(served, {
      ...{ execution_id, search: "00$", limit: 1, around: 0, offset: first.next_offset },
    });
    expect([first.output, second.output]).toEqual(["101:line 100\n", "201:line 200\n"]);
  });

  test("of too much is its beginning and its end, with the call that reads what is between", async () => {
    await using served = await serveOverFake(roomy);
    const { execution_id, write, end } = await steered(served);
    const whole = numbered(0, 20_000);
    write(whole);
    await end();
    const { output } = await looked(served, { execution_id });
    expect(Buffer.byteLength(output)).toBeLessThan(33_000);
    const [head = "", bytes, call = "", tail = ""] = output.split(
      /\[… (\d+) bytes left out; get_execution (.*) reads them …\]\n/,
    );
    const gap = await looked(served, { ...JSON.parse(call), limit: Number(bytes) });
    expect(head + gap.output + tail).toBe(whole);
  });

  test.each([
    ["control characters", "\u0001"],
    ["quotes", '"'],
    ["backslashes", "\\"],
    ["two-byte characters", "é"],
    ["emoji", "😀"],
    ["line ends", "\n"],
  ])("of %s, however much is asked for, is an answer that clients take, and nothing is lost", async (_, character) => {
    await using served = await serveOverFake(roomy);
    const { execution_id, write, end } = await steered(served);
    const whole = character.repeat(800_000 / Buffer.byteLength(character));
    write(whole);
    await end();
    let read = "";
    for (let offset = 0, hasMore = true; hasMore; ) {
      const result = await served.call("get_execution", { execution_id, offset, limit: 2_000_000_000 });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(900_000);
      const content = contentOf(result);
      read += content.output;
      offset = Number(content.next_offset);
      hasMore = content.has_more === true;
    }
    expect(read === whole).toBe(true);
    for (const look of [
      { unit: "lines", limit: 1_000_000 },
      { tail: 1_000_000 },
      { search: ".*", limit: 1_000_000 },
      {},
    ]) {
      const result = await served.call("get_execution", { execution_id, ...look });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(900_000);
    }
  });

  test("that is not UTF-8 is told with a sign for what is none, in answers that clients take", async () => {
    await using served = await serveOverFake(roomy);
    const { execution_id, write, end } = await steered(served);
    write(new Uint8Array(500_000).fill(0xff));
    await end();
    let offset = 0;
    for (let hasMore = true; hasMore; ) {
      const result = await served.call("get_execution", { execution_id, offset, limit: 2_000_000_000 });
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(900_000);
      offset = Number(contentOf(result).next_offset);
      hasMore = contentOf(result).has_more === true;
    }
    expect(offset).toBe(500_000);
  });
});

describe("an id", () => {
  test("is its principal's alone, and is told as forgotten, mistyped, of elsewhere or none", async () => {
    await using served = await serveOverFake();
    const { execution_id, session_id } = await served.call("execute_command", { command: "print mine" });
    const mine = String(execution_id);
    const bobs = await served.run("print his", { principal: "bob" });
    const told = async (id: unknown) => {
      const result = await served.call("get_execution", { execution_id: id });
      expect(result).toMatchObject({ isError: true });
      const { error } = contentOf(result) as { readonly error: Arguments };
      expect(error).toMatchObject({ error_code: "EXECUTION_NOT_FOUND", category: "execution" });
      return textOf(result);
    };
    const { executionId } = bobs.execution;
    expect(await told(executionId)).toStartWith(`Execution not found: ${executionId} is forgotten: `);
    const mistyped = `${mine.slice(0, -1)}${mine.endsWith("0") ? "1" : "0"}`;
    expect(await told(mistyped)).toContain("is mistyped: its check digits do not fit");
    expect(await told(session_id)).toContain(`there is no execution ${session_id}`);
    expect(await told("no such thing ".repeat(1000))).toContain("there is no execution no such thing");
    for (let more = 0; more < rememberedExecutions; more++) {
      await served.run("print", { principal: "local", kind: "command", sessionId: String(session_id) });
    }
    expect(await told(mine)).toContain(`${mine} is forgotten: its session ${session_id} has run 100 others since.`);
    await served.call("stop_session", { session_id });
    expect(await told(mine)).toContain(`${mine} is forgotten: its session ${session_id} was stopped 0 seconds ago.`);
    await served.sessions.stop("bob", bobs.session.sessionId);
    expect(await told(executionId)).toContain(
      "its session has ended, or has run 100 others since, or it is not yours.",
    );
  });

  test("is in the session's entry of get_sessions while it runs, and when it ran last", async () => {
    await using served = await serveOverFake();
    const { session_id } = await served.call("execute_command", { command: "print first" });
    await leave(served, "forever", { session_id });
    await running(served);
    const [first, second] = executionsOf(served);
    expect(contentOf(await served.call("get_sessions", {}))).toMatchObject({
      sessions: [
        {
          ...{ session_id, status: "busy" },
          running: [{ execution_id: second?.executionId, source: "forever", status: "running" }],
          last_execution: { execution_id: first?.executionId, ended: "exited", output_bytes: 6 },
        },
      ],
    });
  });
});

describe("arguments that do not fit", () => {
  const cases: readonly (readonly [Arguments, readonly string[]])[] = [
    [{ execution_id: undefined }, ["execution_id is required: a string"]],
    [{ wait: 51 }, ["wait is 51", "a whole number from 0 to 50"]],
    [{ offset: -1 }, ["offset is -1", "a whole number of at least 0"]],
    [{ offset: 1.5 }, ["offset is 1.5", "a whole number of at least 0"]],
    [{ limit: 0 }, ["limit is 0", "a whole number of at least 1"]],
    [{ tail: 0 }, ["tail is 0", "a whole number of at least 1"]],
    [{ tail: "all" }, ['tail is "all"', "a whole number"]],
    [{ around: 101 }, ["around is 101", "from 0 to 100"]],
    [{ stream: "out" }, ['stream is "out"', '"all", "stdout", "stderr"']],
    [{ unit: "words" }, ['unit is "words"', '"bytes", "lines"']],
    [{ lines: 3 }, ["there is no argument lines", "tail"]],
    [{ tail: 3, offset: 7 }, ["tail and offset cannot be given together", "Leave one of them out"]],
    [{ tail: 3, search: "x" }, ["tail and search cannot be given together"]],
    [{ tail: 3, limit: 2 }, ["tail and limit cannot be given together"]],
    [{ search: "x", unit: "bytes" }, ['search and unit: "bytes" cannot be given together', "Leave unit out"]],
    [{ search: "(open" }, ["search is not a regular expression in RE2's syntax"]],
    [{ search: "x".repeat(1001) }, ["it has 1001 characters, and at most 1000 are allowed"]],
  ];

  test.each(cases)("%j is told with its value and what is allowed", async (wrong, parts) => {
    await using served = await serveOverFake();
    const { execution_id } = await served.call("execute_command", { command: "print" });
    const result = await served.call("get_execution", { execution_id, ...wrong });
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { error_code: "INVALID_ARGUMENTS" } } });
    for (const part of parts) expect(textOf(result)).toContain(part);
  });
});
