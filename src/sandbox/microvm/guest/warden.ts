// Our end of the guest's warden (guest/warden.sh): requests and their answers, each with a deadline.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import { type Exec, startExec } from "./exec.ts";
import { groupsFolder, guestPrograms, pipesFolder } from "./programs.ts";

/** How long the warden may take for one request; a fork bomb's end is the longest. Milliseconds. */
const answerMs = 12_000;
/** Bounds a line of the warden's, in characters: it may tell of as many commands as linger. */
const lineLimit = 64 * 1024;

export type WardedRun = {
  /** A command's id, or "code". */
  readonly run: string;
  /** Whether processes of nobody's that have come since its begin are its too. */
  readonly withStrays: boolean;
  /** When it was begun. */
  readonly agoMs: number;
  /** The pids of programs of ours, which stay. */
  readonly carriers: readonly number[];
};

export type KnownCommand = {
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  readonly hasEnded: boolean;
};

/** How much later than the run's begin the request to end it may come to the guest, each as long as it was on its way. Hundredths of a second. */
const slackTicks = 3;

export class Warden {
  readonly #clock: Clock;
  readonly #onBroken: (why: string, cause?: unknown) => void;
  readonly #machine: Machine;
  #exec: Promise<Exec> | null = null;
  #lastId = 0;
  /** At most a few: a run's end asks one after the other. */
  readonly #asked = new Map<string, (answer: string | null) => void>();
  #pending = "";
  #isOver = false;

  /** `onBroken` is called once if the warden ends or does not answer: nothing more can be done in this guest. */
  constructor(machine: Machine, clock: Clock, onBroken: (why: string, cause?: unknown) => void) {
    this.#machine = machine;
    this.#clock = clock;
    this.#onBroken = onBroken;
  }

  /** To be called before the user's code runs: a guest that is full has no room for it. Whoever asks for something starts it too. */
  start(): Promise<Exec> {
    this.#exec ??= this.#startNow();
    return this.#exec;
  }

  /** Sends a signal to the processes of a run; or ends them (`sweep`), an interpreter not among them, nor the shell that tells a command's end. */
  async tell(what: "INT" | "TERM" | "KILL" | "sweep", warded: WardedRun): Promise<void> {
    const { run, withStrays, agoMs, carriers } = warded;
    const ticks = Math.ceil(agoMs / 10) + slackTicks;
    await this.#ask(`${what} ID ${run} ${withStrays ? 1 : 0} ${ticks} ${carriers.join(" ")}`);
  }

  async killInterpreter(): Promise<void> {
    await this.#ask("interpreter ID");
  }

  /** Commands that have not been released. */
  async commands(): Promise<readonly KnownCommand[]> {
    const answer = (await this.#ask("list ID all")) ?? "";
    return [...answer.matchAll(/(\d+) (\S+?)( ended)?,/g)].map(([, id = "", name = "", ended]) => {
      return { id, name: name === "-" ? "" : name, hasEnded: ended !== undefined };
    });
  }

  /** Nobody carries the command's output any more, nor asks how it ended. What it has left behind goes on. */
  async release(id: string): Promise<void> {
    await this.#ask(`release ID ${id}`);
  }

  /** Folders and pipes of commands to come. Resolves once they are there, with true, or the warden is over. A guest that has no room for it never answers. */
  async make(ids: readonly string[]): Promise<boolean> {
    return (await this.#send(`make ID ${ids.join(" ")}`)) === "made";
  }

  /** Something else each time that the kernel has ended another process for want of memory; empty or "0" if it never has. */
  async lastOutOfMemory(): Promise<string> {
    return (await this.#ask("oom ID")) ?? "";
  }

  /** What code and commands have used since the guest's start; null where it does not tell. */
  async cpuTimeMs(): Promise<number | null> {
    const answer = (await this.#ask("cpu ID all")) ?? "";
    return /^\d+$/.test(answer) ? Number(answer) / 1000 : null;
  }

  close(): void {
    this.#isOver = true;
    void this.#exec?.then((exec) => exec.kill()).catch(() => {});
    for (const answer of this.#asked.values()) answer(null);
    this.#asked.clear();
  }

  #startNow(): Promise<Exec> {
    const exec = startExec(
      {
        machine: this.#machine,
        argv: [...guestPrograms.warden, pipesFolder, groupsFolder],
        env: {},
        stdin: true,
        clock: this.#clock,
      },
      {
        onStdout: (bytes) => this.#hear(Buffer.from(bytes).toString("latin1")),
        onStderr: () => {},
        onEnd: () => this.#break("the connection to it ended"),
      },
    );
    exec.catch((error: unknown) => this.#break("what ends processes in it could not be started", error));
    return exec;
  }

  /** Resolves with null when the warden is over. */
  async #ask(request: string): Promise<string | null> {
    if (this.#isOver) return null;
    const promise = this.#send(request);
    const done = new AbortController();
    this.#clock.sleep(answerMs, done.signal).then(
      () => this.#break(`what ends processes in it did not answer within ${answerMs / 1000} s`),
      () => {},
    );
    try {
      return await promise;
    } finally {
      done.abort();
    }
  }

  /** However long the answer takes. */
  #send(request: string): Promise<string | null> {
    if (this.#isOver) return Promise.resolve(null);
    this.#lastId += 1;
    const id = String(this.#lastId);
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#asked.set(id, resolve);
    void this.start()
      .then((exec) => exec.write(`${request.replace("ID", id)}\n`))
      .catch(() => {});
    return promise;
  }

  #hear(text: string): void {
    const lines = (this.#pending + text).split("\n");
    this.#pending = (lines.pop() ?? "").slice(-lineLimit);
    for (const line of lines) {
      const [, id = "", answer = ""] = /^(\d+) (.*)$/.exec(line) ?? [];
      this.#asked.get(id)?.(answer);
      this.#asked.delete(id);
    }
  }

  #break(why: string, cause?: unknown): void {
    if (this.#isOver) return;
    this.close();
    this.#onBroken(why, cause);
  }
}
