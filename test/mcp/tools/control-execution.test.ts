// control_execution: input and signals for a run that was left running.

import { describe, expect, test } from "bun:test";
import { settle } from "../../fakes/fake-clock.ts";
import { serveOverFake } from "../../fakes/served.ts";
import { type Arguments, contentOf, executionsOf, leave, running, type Served, textOf } from "./executions.ts";

/** Lets it settle for a second if the run says nothing. */
async function control(served: Served, args: Arguments) {
  const sleeping = served.clock.sleeping;
  const answer = served.call("control_execution", args);
  let isAnswered = false;
  void answer.finally(() => {
    isAnswered = true;
  });
  while (!isAnswered && served.clock.sleeping === sleeping) await settle();
  await served.clock.advance(1000);
  return await answer;
}

describe("control_execution", () => {
  test("answers what a program asks, and tells what it says to that", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "ask\nask\nforever", { stdin: true });
    await running(served);
    const first = await control(served, { execution_id, input: "Ada\n" });
    expect(contentOf(first)).toMatchObject({ status: "running", output: expect.stringContaining("got:Ada\n") });
    const last = await control(served, { execution_id, input: "Grace", close_input: true });
    expect(textOf(last)).toMatch(/got:Grace\n?\[execution-/);
  });

  test("ends the input of a program that reads to its end", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "echo", { stdin: "true" });
    await running(served);
    const result = await control(served, { execution_id, input: "last words\n", close_input: true });
    const end = contentOf(result).status === "ended" ? result : await served.call("get_execution", { execution_id });
    expect(contentOf(end)).toMatchObject({ status: "ended", success: true });
    expect(contentOf(await served.call("get_execution", { execution_id })).output).toBe("on\nlast words\n");
  });

  test.each([
    ["interrupt", "SIGINT", 130],
    ["terminate", "SIGTERM", 143],
    ["kill", "SIGKILL", 137],
  ])("ends a run by %s, and tells how it died", async (signal, name, exitCode) => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "print on\nforever");
    await running(served);
    const result = await control(served, { execution_id, signal });
    expect(contentOf(result)).toMatchObject({
      ...{ status: "ended", ended: "signaled", signal: name, exit_code: exitCode, success: false, output: "" },
    });
    expect(textOf(result)).toContain(`killed by ${name} after 0.0 s`);
    expect(result.isError).toBe(false);
  });

  test("tells after a second that a run resists", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "stubborn");
    await running(served);
    expect(contentOf(await control(served, { execution_id, signal: "terminate" }))).toMatchObject({
      status: "running",
    });
    expect(contentOf(await control(served, { execution_id, signal: "kill" }))).toMatchObject({ signal: "SIGKILL" });
  });

  test("cancels a run that is still queued", async () => {
    await using served = await serveOverFake();
    served.host.holdBoots();
    const { execution_id } = await leave(served, "print never");
    expect(contentOf(await control(served, { execution_id, signal: "interrupt" }))).toMatchObject({
      ended: "canceled",
    });
    served.host.releaseBoots();
  });

  test("gives input to a run that has not started as soon as it has", async () => {
    await using served = await serveOverFake();
    served.host.holdBoots();
    const { execution_id } = await leave(served, "ask\nforever", { stdin: true });
    const sleeping = served.clock.sleeping;
    const answer = served.call("control_execution", { execution_id, input: "Ada\n" });
    while (served.clock.sleeping === sleeping) await settle();
    served.host.releaseBoots();
    expect(contentOf(await answer)).toMatchObject({ status: "running", output: expect.stringContaining("got:Ada\n") });
  });

  test("refuses input for a run that has not started after half a minute", async () => {
    await using served = await serveOverFake({ limits: { startTimeoutMs: 100_000 } });
    served.host.holdBoots();
    const { execution_id } = await leave(served, "ask", { stdin: true });
    const sleeping = served.clock.sleeping;
    const answer = served.call("control_execution", { execution_id, input: "Ada\n" });
    while (served.clock.sleeping === sleeping) await settle();
    await served.clock.advance(30_000);
    expect(textOf(await answer)).toContain("it has not started yet");
    served.host.releaseBoots();
  });

  const closed = "standard input has been closed";
  const refusals: readonly (readonly [string, Arguments, Arguments, readonly string[]])[] = [
    ["nothing asked", {}, {}, ["nothing is to be done", "signal is left out"]],
    ["an empty input", { stdin: true }, { input: "" }, ["input is empty or left out", 'the input "\\n"']],
    ["an input that is not to end", {}, { close_input: false }, ["close_input is not true"]],
    ["input without stdin: true", {}, { input: "x" }, ["without stdin: true", "get_execution"]],
    ["an end of input without stdin: true", {}, { close_input: true }, ["without stdin: true"]],
    ["an unknown signal", {}, { signal: "SIGHUP" }, ['signal is "SIGHUP"', '"interrupt", "terminate", "kill"']],
    ["a number as input", { stdin: true }, { input: 7 }, ["input is 7", "a string of at most 1048576 characters"]],
    ["a word as close_input", {}, { close_input: "yes" }, ['close_input is "yes"', "true or false"]],
    ["too much input", { stdin: true }, { input: "x".repeat(1_048_577) }, ["at most 1048576 characters"]],
  ];

  test.each(refusals)("refuses %s, and says why", async (_, started, asked, parts) => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "forever", started);
    await running(served);
    const result = await served.call("control_execution", { execution_id, ...asked });
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { error_code: "INVALID_ARGUMENTS" } } });
    for (const part of parts) expect(textOf(result)).toContain(part);
    expect(executionsOf(served)).toMatchObject([{ status: "running" }]);
  });

  test("refuses input after its end, and anything after the run's", async () => {
    await using served = await serveOverFake();
    const { execution_id } = await leave(served, "echo\nforever", { stdin: true });
    await running(served);
    await control(served, { execution_id, close_input: true });
    expect(textOf(await served.call("control_execution", { execution_id, input: "x" }))).toContain(closed);
    await control(served, { execution_id, signal: "kill" });
    for (const asked of [{ input: "x" }, { close_input: true }, { signal: "kill" }]) {
      expect(textOf(await served.call("control_execution", { execution_id, ...asked }))).toContain("it has ended");
    }
  });

  test("knows no execution of another principal", async () => {
    await using served = await serveOverFake();
    const bobs = await served.run("print", { principal: "bob" });
    const result = await served.call("control_execution", {
      ...{ execution_id: bobs.execution.executionId, signal: "kill" },
    });
    expect(textOf(result)).toStartWith(`Execution not found: ${bobs.execution.executionId} is forgotten`);
  });
});
