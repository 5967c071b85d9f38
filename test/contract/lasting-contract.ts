// What port.ts promises of runs that outlive the process that began them, as tests, for hosts that can go on with them.

import { expect, test } from "bun:test";
import type { ResumeRequest, RunControl, RunEnd, Sandbox, SandboxHost } from "../../src/sandbox/port.ts";
import type { Template } from "../../src/sandbox/templates.ts";
import { BegunRun, Printed } from "./begun-run.ts";
import { type CommandSet, patienceMs, resources, runIn, type SurvivalSubject } from "./port-contract.ts";

/** Sources that a run goes on with when its process has gone. */
export type LastingCommands = CommandSet & {
  /** Goes on when there is such a file. */
  readonly waitFor: (name: string) => string;
};

export type LastingSubject = {
  readonly name: string;
  readonly survival: SurvivalSubject;
  readonly template: Template;
  readonly commands: LastingCommands;
};

const never = new AbortController().signal;
const lines = (...sources: readonly string[]) => sources.join("\n");

/** Goes on with a run; its output from now on, its end, and how much is missing. */
function resume(sandbox: Sandbox, id: string, received: ResumeRequest["received"], signal = never) {
  const printed = new Printed();
  const missing: string[] = [];
  const control = Promise.withResolvers<RunControl>();
  const end: Promise<RunEnd> | undefined = sandbox.resume?.({
    ...{ id, kind: "command" as const, signal, received },
    onOutput: printed.add,
    onStarted: control.resolve,
    onMissing: (stream, bytes) => void missing.push(`${bytes} of ${stream}`),
  });
  if (end === undefined) throw new Error("a host whose runs last goes on with them");
  return { printed, missing, control: control.promise, end };
}

/** Registers the tests for one host. */
export function lastingContract({ name, survival, template, commands }: LastingSubject): void {
  const promise = (sentence: string, body: () => Promise<void>) =>
    test(`${name} keeps the contract of runs that last > ${sentence}`, body, patienceMs);
  const spec = { sessionId: "session-one", template, resources };

  /** Begins runs in a sandbox whose process then goes, and has the next one take it over, which goes on with `resumes`. */
  const takenOver = async (
    { host, kill }: { host: (whose: "ours") => SandboxHost; kill: (host: SandboxHost) => Promise<void> },
    runs: Readonly<Record<string, string>>,
    resumes: readonly string[],
  ) => {
    const before = host("ours");
    const made = await before.create(spec, never);
    const begun = Object.entries(runs).map(
      ([id, source]) => new BegunRun(made, "command", source, { timeoutMs: patienceMs, id }),
    );
    await Promise.all(begun.map((run) => run.hasPrinted("one\n")));
    await kill(before);
    const { survivors } = host("ours");
    if (survivors === undefined) throw new Error("a host whose sandboxes survive has survivors");
    return await survivors.adopt(made.name, { ...spec, resumes }, never);
  };

  promise("a command that was on goes on, and the next process gets the rest of its output, and its end", async () => {
    await using backend = await survival.open();
    const source = lines(
      commands.print("one"),
      commands.waitFor("go"),
      commands.print("two"),
      commands.printError("oh"),
      commands.exit(3),
    );
    const sandbox = await takenOver(backend, { "execution-1": source }, ["execution-0", "execution-1"]);
    expect(sandbox.resumable).toEqual(["execution-1"]);
    const resumed = resume(sandbox, "execution-1", { stdout: 4, stderr: 0 });
    await runIn(sandbox, "command", commands.writeFile("go", "now"));
    expect(await resumed.end).toMatchObject({ ended: "exited", exitCode: 3, success: false });
    expect(resumed.printed.texts).toEqual({ stdout: "two\n", stderr: "oh\n" });
    expect(resumed.missing).toEqual([]);
    expect((await runIn(sandbox, "command", commands.print("beside"))).stdout).toBe("beside\n");
  });

  promise("it can be ended, what is missing of its output is told, and what nobody goes on with is ended", async () => {
    await using backend = await survival.open();
    const wanted = lines(commands.print("one"), commands.forever);
    const unwanted = lines(commands.startBackground("unwanted"), commands.print("one"), commands.forever);
    const sandbox = await takenOver(backend, { "execution-1": wanted, "execution-2": unwanted }, ["execution-1"]);
    expect(sandbox.resumable).toEqual(["execution-1"]);
    const resumed = resume(sandbox, "execution-1", { stdout: 1, stderr: 0 });
    const control = await resumed.control;
    expect((await runIn(sandbox, "command", commands.listBackground)).stdout).toBe("");
    control.send("terminate");
    expect(await resumed.end).toMatchObject({ ended: "signaled", signal: "SIGTERM", exitCode: 143 });
    expect(resumed.missing).toEqual(["3 of stdout"]);
    expect(resumed.printed.texts.stdout).toBe("");
  });

  promise("it is ended by its new caller's signal, with all that it has started", async () => {
    await using backend = await survival.open();
    const source = lines(commands.startBackground("its-own"), commands.print("one"), commands.forever);
    const sandbox = await takenOver(backend, { "execution-1": source }, ["execution-1"]);
    const caller = new AbortController();
    const resumed = resume(sandbox, "execution-1", { stdout: 4, stderr: 0 }, caller.signal);
    caller.abort();
    expect(await resumed.end).toMatchObject({ ended: "interrupted", success: false });
    expect((await runIn(sandbox, "command", commands.listBackground)).stdout).toBe("");
  });
}
