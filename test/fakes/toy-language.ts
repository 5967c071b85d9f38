// The language that the fake's sandboxes understand, as code and as commands: one instruction a line.
//
//   print TEXT · warn TEXT · value TEXT (prints, and is the result) · set NAME TEXT · get NAME · write FILE TEXT · read FILE
//   fail · exit N · crash N · killed · hog · flood BYTES · forever · stubborn (prints "on") · processes · vanish
//   start NAME (a background process) and end NAME · later N WORD and later-warn TEXT (one that prints N numbered lines, or an error, after the end)
//   on SIGNAL TEXT (waits; then prints it and exits with 7, as code goes on) · ask (reads a line of input) · echo (prints all of it)
//   until FILE (waits for it) · None · undefined (nothing) · show TYPE TEXT (a display of that form)
//   show-saved PATH NOTE (one that is a file) · show-picture N (one of 3 × 2 pixels, with N bytes more than that takes)

import type { Display } from "../../src/sandbox/files.ts";
import type { RunEnd, RunRequest } from "../../src/sandbox/port.ts";
import { samplePng } from "../programs/sample.ts";
import { changesSince } from "./fake-changes.ts";
import type { FakeDisk } from "./fake-disk.ts";
import type { LastingRun } from "./lasting-run.ts";
import { type Told, ToyRun } from "./toy-run.ts";

export type ToyMachine = {
  readonly variables: Map<string, string>;
  readonly disk: FakeDisk;
  /** Background processes by name, each with what ends it. */
  readonly processes: Map<string, () => void>;
  /** Runs that go on without the process that began them, by their ids. */
  readonly lasting: Map<string, LastingRun>;
};

const floodChunkBytes = 64 * 1024;

/** Runs a toy source. `vanish` takes the sandbox away. What comes to `onOutput` after the end is of background processes. */
export async function runToy(request: RunRequest, machine: ToyMachine, vanish: () => void): Promise<RunEnd> {
  const run = new ToyRun(request);
  request.onStarted?.(run);
  const { version } = machine.disk;
  try {
    const end = await new ToyProgram(request, run, machine, vanish).toItsEnd();
    // Who would have looked is gone.
    return end.interpreterRestarted ? end : { ...end, changes: changesSince(machine.disk, version) };
  } finally {
    run.end();
  }
}

class ToyProgram {
  readonly #request: RunRequest;
  readonly #run: ToyRun;
  readonly #machine: ToyMachine;
  readonly #vanish: () => void;
  readonly #encoder = new TextEncoder();
  readonly #isCode: boolean;
  #result: string | null = null;
  #stdoutBytes = 0;

  constructor(request: RunRequest, run: ToyRun, machine: ToyMachine, vanish: () => void) {
    this.#request = request;
    this.#run = run;
    this.#machine = machine;
    this.#vanish = vanish;
    this.#isCode = request.kind === "code";
  }

  async toItsEnd(): Promise<RunEnd> {
    for (const line of this.#request.source.split("\n")) {
      // A turn of the event loop a line, so that runs of several sandboxes mix as real ones do.
      await Promise.resolve();
      const [word, rest] = splitOnce(line.trim());
      const told = word === "stubborn" || word === "on" ? null : this.#run.heard();
      const end = told === null ? await this.#step(word, rest) : this.#endedBy(told);
      if (end !== null) return end;
    }
    return this.#end({ success: true, exitCode: this.#isCode ? null : 0, result: this.#result });
  }

  /** The end of the run, if that instruction is its last. */
  async #step(word: string, rest: string): Promise<RunEnd | null> {
    const { variables, disk, processes } = this.#machine;
    const [name, text] = splitOnce(rest);
    this.#result = null;
    switch (word) {
      case "":
      case "None":
      case "undefined":
        return null;
      case "print":
        this.#say("stdout", `${rest}\n`);
        return null;
      case "warn":
        this.#say("stderr", `${rest}\n`);
        return null;
      case "value":
        this.#say("stdout", `${rest}\n`);
        this.#result = this.#isCode ? rest : null;
        return null;
      case "set":
        variables.set(name, text);
        return null;
      case "get": {
        const value = variables.get(name);
        if (value === undefined) return this.#failed(`unknown name ${name}`, 1);
        this.#say("stdout", `${value}\n`);
        return null;
      }
      case "write":
        disk.put(name, text);
        return null;
      case "read":
        this.#say("stdout", `${disk.text(name) ?? ""}\n`);
        return null;
      case "show":
        this.#show({ data: { [name]: text } });
        return null;
      case "show-picture": {
        const bytes = Buffer.concat([Buffer.from(samplePng, "base64"), Buffer.alloc(Number(rest))]);
        this.#show({ data: { "image/png": bytes.toString("base64") } });
        return null;
      }
      case "show-saved":
        this.#show({ data: {}, path: name, note: text });
        return null;
      case "fail":
        return this.#failed("failed", 1);
      case "exit":
        return this.#end({ exitCode: Number(rest), success: Number(rest) === 0 });
      case "crash":
        if (!this.#isCode) return this.#end({ exitCode: Number(rest), success: Number(rest) === 0 });
        return this.#end({ ended: "interpreter_exited", exitCode: Number(rest), interpreterRestarted: true });
      case "killed":
        return this.#signaled("SIGSEGV", 139);
      case "hog":
        return this.#end({ ended: "out_of_memory", interpreterRestarted: this.#isCode });
      case "flood":
        await this.#flood(Number(rest));
        return null;
      case "until":
        while (disk.text(rest) === undefined && this.#run.heard() === null)
          await new Promise((resolve) => setImmediate(resolve));
        return null;
      case "forever":
        return this.#endedBy(await this.#run.nextTold());
      case "stubborn":
        return await this.#resist();
      case "start":
        this.#start(rest, () => {});
        return null;
      case "end":
        this.#machine.processes.get(rest)?.();
        return null;
      case "later": {
        const lines = Array.from({ length: Number(name) }, (_, index) => `${text} ${index + 1}\n`);
        this.#talkLater(lines, "stdout");
        return null;
      }
      case "later-warn":
        this.#talkLater([`${rest}\n`], "stderr");
        return null;
      case "on":
        return await this.#heed(name, text);
      case "ask":
        return await this.#ask();
      case "echo":
        return await this.#echo();
      case "processes":
        this.#say("stdout", [...processes.keys(), ""].join("\n"));
        return null;
      case "vanish":
        this.#vanish();
        return new Promise<never>(() => {});
      default:
        return this.#failed(`unknown instruction ${word}`, 127);
    }
  }

  #say(stream: "stdout" | "stderr", text: string): void {
    const bytes = this.#encoder.encode(text);
    if (stream === "stdout") this.#stdoutBytes += bytes.length;
    this.#request.onOutput(stream, bytes);
  }

  #show(display: Display): void {
    if (this.#isCode) this.#request.onDisplay?.(display, this.#stdoutBytes);
  }

  #end(how: Partial<RunEnd>): RunEnd {
    if (how.interpreterRestarted) this.#machine.variables.clear();
    return { ended: "exited", success: false, exitCode: null, result: null, interpreterRestarted: false, ...how };
  }

  #failed(message: string, status: number): RunEnd {
    this.#say("stderr", `${message}\n`);
    return this.#end({ exitCode: this.#isCode ? null : status });
  }

  #signaled(signal: string, exitCode: number): RunEnd {
    if (!this.#isCode) return this.#end({ ended: "signaled", signal, exitCode });
    return this.#end({ ended: "interpreter_exited", signal, exitCode, interpreterRestarted: true });
  }

  /** Its end by what it was told, with all that it has started. */
  #endedBy(told: Told): RunEnd {
    for (const name of this.#run.started) {
      this.#machine.processes.get(name)?.();
      this.#machine.processes.delete(name);
    }
    if (told === "abort") return this.#end({ ended: "interrupted" });
    if (told === "interrupt" && this.#isCode) return this.#failed("interrupted", 1);
    const [signal, exitCode] = signals[told];
    return this.#signaled(signal, exitCode);
  }

  async #resist(): Promise<RunEnd> {
    this.#say("stdout", "on\n");
    for (;;) {
      const told = await this.#run.nextTold();
      if (told === "kill") return this.#endedBy(told);
      if (told !== "abort") continue;
      const end = this.#endedBy(told);
      return this.#isCode ? this.#end({ ...end, interpreterRestarted: true }) : end;
    }
  }

  async #heed(signal: string, text: string): Promise<RunEnd | null> {
    this.#say("stdout", "on\n");
    const told = await this.#run.nextTold();
    if (told !== signal) return this.#endedBy(told);
    for (const line of text.split(" ")) this.#say("stdout", `${line}\n`);
    return this.#isCode ? null : this.#end({ exitCode: 7 });
  }

  async #ask(): Promise<RunEnd | null> {
    this.#say("stdout", "name? ");
    const read = await this.#run.read("line");
    if ("told" in read) return this.#endedBy(read.told);
    this.#say("stdout", read.text === null ? "none\n" : `got:${read.text}`);
    return null;
  }

  async #echo(): Promise<RunEnd | null> {
    this.#say("stdout", "on\n");
    for (;;) {
      const read = await this.#run.read("some");
      if ("told" in read) return this.#endedBy(read.told);
      if (read.text === null) return null;
      this.#say("stdout", read.text);
    }
  }

  async #flood(bytes: number): Promise<void> {
    for (let left = bytes; left > 0 && !this.#request.signal.aborted; left -= floodChunkBytes) {
      const chunk = new Uint8Array(Math.min(left, floodChunkBytes)).fill(120);
      this.#stdoutBytes += chunk.length;
      this.#request.onOutput("stdout", chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #start(name: string, kill: () => void): void {
    this.#machine.processes.set(name, kill);
    this.#run.started.add(name);
  }

  /** A background process that has a line to say each turn of the event loop, some turns from now. */
  #talkLater(lines: readonly string[], stream: "stdout" | "stderr"): void {
    const { processes } = this.#machine;
    const name = `talker-${processes.size}`;
    let isOn = true;
    this.#start(name, () => {
      isOn = false;
    });
    const talk = async () => {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      for (const line of lines) {
        if (!isOn) return;
        this.#say(stream, line);
        await new Promise((resolve) => setImmediate(resolve));
      }
      processes.delete(name);
    };
    void talk();
  }
}

const signals = { interrupt: ["SIGINT", 130], terminate: ["SIGTERM", 143], kill: ["SIGKILL", 137] } as const;

function splitOnce(text: string): readonly [string, string] {
  const space = text.indexOf(" ");
  return space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}
