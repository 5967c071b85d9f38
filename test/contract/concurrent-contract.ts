// What port.ts promises of runs beside each other, of a run's input and signals, and of output that comes after a run: as tests, for any host.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RunRequest, Sandbox, SandboxHost } from "../../src/sandbox/port.ts";
import type { Template } from "../../src/sandbox/templates.ts";
import { BegunRun, Printed } from "./begun-run.ts";
import { type CodeSet, type CommandSet, runIn } from "./port-contract.ts";

/** Sources that know of their input. */
type ReadingSet = {
  /** Prints "on", then all of its input as it comes. */
  readonly echoInput: string;
  /** Prints "name? ", then "got:" and a line of its input; "none" where that has none. */
  readonly readLine: string;
};

export type ConcurrentCommands = CommandSet &
  ReadingSet & {
    /** Leaves a process behind in each of the ways in which processes detach themselves; their names begin with this one. */
    readonly startDetached: (name: string) => string;
    /** Prints "on"; when that signal comes, prints the text and ends with status 7. */
    readonly onSignal: (signal: "interrupt" | "terminate", text: string) => string;
    /** Prints "on"; when it is terminated, "child" and "grandchild" are printed by those. */
    readonly family: string;
    /** Prints "early" and ends; what it leaves behind prints the lines "late 1" to that number a little later. */
    readonly late: (lines: number) => string;
    /** Prints "early" and ends; what it leaves behind fails a little later, with "address in use" on standard error. */
    readonly lateFailure: string;
  };

export type ConcurrentCode = CodeSet &
  ReadingSet & {
    /** Prints "on"; when it is interrupted, prints "caught", goes on and ends well. */
    readonly catchInterrupt: string;
    /** Ends; what it leaves behind prints the lines "tick 1" to that number. By name: within the interpreter, a child process, … */
    readonly ticks: Readonly<Record<string, (lines: number) => string>>;
  };

export type ConcurrentSubject = {
  readonly name: string;
  readonly createHost: () => SandboxHost | Promise<SandboxHost>;
  readonly commands: ConcurrentCommands;
  readonly languages: readonly { readonly template: Template; readonly code: ConcurrentCode }[];
  /** Only these parts; all unless given. */
  readonly parts?: readonly ConcurrentPart[];
};

/** What runs are to each other; input, signals and late output of commands; and of code. */
export type ConcurrentPart = "beside" | "commands" | "code";

/** An emulated machine (test/live) is many times slower than a real one, and takes minutes to fill more memory than it must. */
const isEmulated = process.env.MSB_MCP_LIVE_MACHINE !== undefined;
const resources = { cpus: 1, memoryMib: isEmulated ? 160 : 256 };
const patienceMs = isEmulated ? 420_000 : 30_000;
const manyLines = isEmulated ? 300 : 3_000;

/** More than any pipe holds, of all that text can be but what languages take for the end of a line. */
const muchText = "äö\u0000\u0001\u007f€😀 line\n".repeat(48_000);

const promise = (sentence: string, body: () => Promise<void>) => test(sentence, body, patienceMs);

/** Registers the tests for one host. */
export function concurrentContract(subject: ConcurrentSubject): void {
  describe(`${subject.name} keeps the contract of runs beside each other`, () => {
    let host: SandboxHost;
    beforeAll(async () => {
      host = await subject.createHost();
    }, patienceMs);
    afterAll(() => host[Symbol.asyncDispose](), patienceMs);
    const { commands, languages } = subject;
    const has = (part: ConcurrentPart) => subject.parts?.includes(part) ?? true;
    for (const [index, { template, code }] of languages.entries()) {
      describe(`in ${template.language}`, () => {
        let sandbox: Sandbox;
        const background = new Printed();
        beforeAll(async () => {
          const sessionId = `concurrent-${template.language}`;
          const spec = { sessionId, template, resources, onBackground: background.add };
          sandbox = await host.create(spec, new AbortController().signal);
        }, patienceMs);
        afterAll(() => sandbox[Symbol.asyncDispose](), patienceMs);
        const bench: Bench = {
          begin: (kind, source, stdin) =>
            new BegunRun(sandbox, kind, source, { timeoutMs: patienceMs, ...(stdin && { stdin }) }),
          print: async (kind, source) => (await runIn(sandbox, kind, source)).stdout,
          background,
        };
        if (has("beside")) describeBeside(bench, commands, code);
        if (has("commands") && index === 0) {
          describeInput(bench, "command", commands);
          describeCommandSignals(bench, commands);
          describeLateOutput(bench, commands);
        }
        if (!has("code")) return;
        describeInput(bench, "code", code);
        describeCodeSignals(bench, code);
        describeBackground(bench, code);
      });
    }
  });
}

type Bench = {
  readonly begin: (kind: RunRequest["kind"], source: string, stdin?: "open") => BegunRun;
  /** Standard output of a run to its end. */
  readonly print: (kind: RunRequest["kind"], source: string) => Promise<string>;
  readonly background: Printed;
};

const lines = (...sources: readonly string[]) => sources.join("\n");

function describeBeside({ begin, print }: Bench, commands: ConcurrentCommands, code: ConcurrentCode): void {
  const going = (name: string) => lines(commands.startDetached(name), commands.print("on"), commands.forever);
  /** A process that has been forked and not yet become another has the name of the first. */
  const left = async (name: string) => {
    const listed = new Set((await print("command", commands.listBackground)).split("\n"));
    return [...listed].filter((found) => found.startsWith(name)).length;
  };

  promise("commands and code run beside each other, each with its own output", async () => {
    const going = ["one", "two"].map((name) =>
      begin("command", lines(commands.print(name), commands.print("on"), commands.forever)),
    );
    await Promise.all(going.map((run) => run.hasPrinted("on\n")));
    expect(await print("code", code.print("code"))).toBe("code\n");
    expect(await print("command", commands.print("three"))).toBe("three\n");
    for (const run of going) run.abort();
    expect(await Promise.all(going.map(async (run) => (await run.end).ended))).toEqual(["interrupted", "interrupted"]);
    expect(going.map(({ printed }) => printed.stdout)).toEqual(["one\non\n", "two\non\n"]);
  });

  promise(
    "an interrupt ends all that its own run has started, however detached, and nothing of the others'",
    async () => {
      const [first, second, third] = ["first", "second", "third"].map((name) => begin("command", going(name)));
      const coding = begin("code", lines(code.startBackground("coded"), code.print("on"), code.forever));
      if (first === undefined || second === undefined || third === undefined) throw new Error("three were begun");
      await Promise.all([first, second, third, coding].map((run) => run.hasPrinted("on\n")));
      const before = await left("second");
      expect(before).toBeGreaterThan(0);
      second.abort();
      expect((await second.end).ended).toBe("interrupted");
      expect([await left("first"), await left("second"), await left("third"), await left("coded")]).toEqual([
        ...[before, 0, before, 1],
      ]);
      coding.abort();
      expect(await coding.end).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
      expect([await left("first"), await left("third"), await left("coded")]).toEqual([before, before, 0]);
      first.abort();
      third.abort();
      expect([(await first.end).ended, (await third.end).ended]).toEqual(["interrupted", "interrupted"]);
      expect([await left("first"), await left("third")]).toEqual([0, 0]);
    },
  );

  promise("a command that is killed takes all of its own with it, and is not told for the others", async () => {
    const killed = begin("command", going("killed"));
    const other = begin("command", going("other"));
    await Promise.all([killed.hasPrinted("on\n"), other.hasPrinted("on\n")]);
    const before = await left("other");
    (await killed.control).send("kill");
    expect(await killed.end).toMatchObject({ ended: "signaled", signal: "SIGKILL", exitCode: 137, success: false });
    expect([await left("killed"), await left("other")]).toEqual([0, before]);
    other.abort();
    expect((await other.end).ended).toBe("interrupted");
  });

  promise("what a command has left running is nobody's: no later run ends it", async () => {
    expect(await print("command", lines(commands.startDetached("staying"), commands.print("x")))).toBe("x\n");
    const before = await left("staying");
    const beside = begin("command", going("beside"));
    const coding = begin("code", lines(code.print("on"), code.forever));
    await Promise.all([beside.hasPrinted("on\n"), coding.hasPrinted("on\n")]);
    beside.abort();
    coding.abort();
    await Promise.all([beside.end, coding.end]);
    expect(before).toBeGreaterThan(0);
    expect([await left("staying"), await left("beside")]).toEqual([before, 0]);
  });

  const { hog } = commands;
  if (hog !== null) {
    promise("running out of memory is told to the run that was ended for it, and to no other", async () => {
      const other = begin("command", lines(commands.print("on"), commands.forever));
      await other.hasPrinted("on\n");
      const [hungry, modest] = [begin("command", hog), begin("command", lines(commands.print("on"), commands.fail))];
      expect(await modest.end).toMatchObject({ ended: "exited", success: false });
      expect(await hungry.end).toMatchObject({ ended: "out_of_memory", success: false });
      expect(await print("command", commands.print("on"))).toBe("on\n");
      (await other.control).send("terminate");
      expect(await other.end).toMatchObject({ ended: "signaled", signal: "SIGTERM" });
    });
  }
}

function describeInput({ begin, print }: Bench, kind: RunRequest["kind"], programs: ReadingSet): void {
  promise(`a ${kind} reads the line that it is written, after it has asked for it`, async () => {
    const asking = begin(kind, programs.readLine, "open");
    await asking.hasPrinted("name? ");
    await (await asking.control).write("Ada ä 😀\n");
    expect((await asking.end).success).toBe(true);
    expect(asking.printed.stdout).toBe("name? got:Ada ä 😀\n");
  });

  promise(`a ${kind} without an open input finds the end of it at once`, async () => {
    expect(await print(kind, programs.readLine)).toBe("name? none\n");
  });

  promise(`a ${kind} finds the end of its input when that is closed, and writing then does nothing`, async () => {
    const asking = begin(kind, programs.readLine, "open");
    await asking.hasPrinted("name? ");
    const control = await asking.control;
    control.closeInput();
    control.closeInput();
    await control.write("late\n");
    await asking.end;
    expect(asking.printed.stdout).toBe("name? none\n");
  });

  promise(`a ${kind} gets a megabyte of input as it was written, in its order`, async () => {
    const echoing = begin(kind, programs.echoInput, "open");
    await echoing.hasPrinted("on\n");
    const control = await echoing.control;
    const pieces = [muchText.slice(0, 11), muchText.slice(11, 500_001), muchText.slice(500_001)];
    await Promise.all(pieces.map((piece) => control.write(piece)));
    control.closeInput();
    expect((await echoing.end).success).toBe(true);
    // Not by toBe(), which would show all of it.
    expect(echoing.printed.stdout === `on\n${muchText}`).toBe(true);
  });

  promise(`what a ${kind} has not read of its input is not the next one's, and after its end nothing is`, async () => {
    const first = begin(kind, programs.readLine, "open");
    await first.hasPrinted("name? ");
    const control = await first.control;
    await control.write("first\nsecond\nthird\n");
    await first.end;
    await control.write("fourth\n");
    control.closeInput();
    for (const signal of ["interrupt", "terminate", "kill"] as const) control.send(signal);
    const next = begin(kind, programs.readLine, "open");
    await next.hasPrinted("name? ");
    await control.write("fifth\n");
    await (await next.control).write("own\n");
    expect(await next.end).toMatchObject({ success: true, interpreterRestarted: false });
    expect(next.printed.stdout).toBe("name? got:own\n");
    expect(await print(kind, programs.readLine)).toBe("name? none\n");
  });

  promise(`a ${kind} that never reads its input can be written to and ended`, async () => {
    const deaf = begin(kind, programs.readLine, "open");
    await deaf.hasPrinted("name? ");
    const control = await deaf.control;
    // The end of a line is what it waits for.
    const writing = control.write(muchText.replaceAll("\n", " "));
    deaf.abort();
    expect(await deaf.end).toMatchObject({ ended: "interrupted" });
    await writing;
    expect(await print(kind, programs.readLine)).toBe("name? none\n");
  });
}

function describeCommandSignals({ begin, print }: Bench, commands: ConcurrentCommands): void {
  promise("a command that has a mind of its own about a signal is heard", async () => {
    for (const signal of ["interrupt", "terminate"] as const) {
      const heeding = begin("command", commands.onSignal(signal, "heard"));
      await heeding.hasPrinted("on\n");
      (await heeding.control).send(signal);
      expect(await heeding.end).toMatchObject({ ended: "exited", exitCode: 7, success: false });
      expect(heeding.printed.stdout).toBe("on\nheard\n");
    }
  });

  promise("a command that has none is ended by it, and told so", async () => {
    const signals = [["interrupt", "SIGINT", 130] as const, ["terminate", "SIGTERM", 143] as const];
    for (const [send, signal, exitCode] of [...signals, ["kill", "SIGKILL", 137] as const]) {
      const going = begin("command", lines(commands.print("on"), commands.forever));
      await going.hasPrinted("on\n");
      (await going.control).send(send);
      expect(await going.end).toMatchObject({ ended: "signaled", signal, exitCode });
    }
  });

  promise("a signal reaches the command's children and theirs", async () => {
    const family = begin("command", commands.family);
    await family.hasPrinted("on\n");
    (await family.control).send("terminate");
    await family.end;
    expect(family.printed.stdout.split("\n").sort()).toEqual(["", "child", "grandchild", "on"]);
  });

  promise("a signal that is sent at once is not lost", async () => {
    const early = begin("command", commands.forever);
    (await early.control).send("kill");
    expect(await early.end).toMatchObject({ ended: "signaled", signal: "SIGKILL" });
    expect(await print("command", commands.print("on"))).toBe("on\n");
  });
}

function describeLateOutput({ begin }: Bench, commands: ConcurrentCommands): void {
  promise("what a command's background processes print after its end comes, all of it and in order", async () => {
    const ended = begin("command", commands.late(manyLines));
    expect((await ended.end).success).toBe(true);
    await ended.hasPrintedLate("stdout", `late ${manyLines}\n`);
    expect(ended.printed.stdout).toStartWith("early\n");
    expect(ended.printed.stdout + ended.late.stdout).toBe(`early\n${numbered("late", manyLines)}`);
  });

  promise("an error of what a command has left in the background comes", async () => {
    const ended = begin("command", commands.lateFailure);
    expect((await ended.end).success).toBe(true);
    await ended.hasPrintedLate("stderr", "address in use\n");
    expect(ended.printed).toEqual({ stdout: "early\n", stderr: "" });
  });
}

function describeCodeSignals({ begin, print }: Bench, code: ConcurrentCode): void {
  promise("code that catches an interrupt goes on", async () => {
    const catching = begin("code", code.catchInterrupt);
    await catching.hasPrinted("on\n");
    (await catching.control).send("interrupt");
    expect(await catching.end).toMatchObject({ ended: "exited", success: true, interpreterRestarted: false });
    expect(catching.printed.stdout).toBe("on\ncaught\n");
  });

  promise("code that does not catch an interrupt is ended by it, and keeps its variables", async () => {
    await print("code", code.setVariable("kept", "5"));
    const going = begin("code", lines(code.print("on"), code.forever));
    await going.hasPrinted("on\n");
    (await going.control).send("interrupt");
    expect(await going.end).toMatchObject({ ended: "exited", success: false, interpreterRestarted: false });
    expect(await print("code", code.printVariable("kept"))).toBe("5\n");
  });

  promise("terminate and kill end code with its interpreter, which the next run has anew", async () => {
    for (const [send, signal, exitCode] of [
      ["terminate", "SIGTERM", 143] as const,
      ["kill", "SIGKILL", 137] as const,
    ]) {
      await print("code", code.setVariable("lost", "5"));
      const going = begin("code", lines(code.print("on"), code.forever));
      await going.hasPrinted("on\n");
      (await going.control).send(send);
      const end = {
        ended: "interpreter_exited",
        signal,
        exitCode,
        success: false,
        interpreterRestarted: true,
      } as const;
      expect(await going.end).toMatchObject(end);
      expect(await print("code", code.print("again"))).toBe("again\n");
      expect(await print("code", code.printVariable("lost"))).toBe("");
    }
  });
}

function describeBackground({ begin, print, background }: Bench, code: ConcurrentCode): void {
  for (const [what, ticks] of Object.entries(code.ticks)) {
    promise(`what ${what} prints after its code has ended comes, all of it and in order`, async () => {
      background.forget();
      const run = begin("code", ticks(manyLines));
      expect((await run.end).success).toBe(true);
      await background.until("stdout", `tick ${manyLines}\n`);
      expect(run.printed.stdout + background.texts.stdout).toBe(numbered("tick", manyLines));
      expect(await print("code", code.print("on"))).toBe("on\n");
    });
  }
}

function numbered(word: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${word} ${index + 1}\n`).join("");
}
