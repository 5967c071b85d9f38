// Our end of the guest's warden (guest/warden.sh): requests and their answers, each with a deadline.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import { type Exec, startExec } from "./exec.ts";
import { guestPrograms, pipesFolder } from "./guest/programs.ts";

/** How long the warden may take for one request; a fork bomb's end is the longest. Milliseconds. */
const answerMs = 12_000;
/** Bounds a line of the warden's, in characters. */
const lineLimit = 4096;

export type WardedRun = {
  /** When it was begun. */
  readonly agoMs: number;
  /** Its first process, where that is one of its own: a command's shell. */
  readonly root: number | null;
  /** The pids of programs of ours, which stay. */
  readonly carriers: readonly number[];
};

/** How much later than the run's begin the request to end it may come to the guest, each as long as it was on its way. Hundredths of a second. */
const slackTicks = 3;

export class Warden {
  readonly #clock: Clock;
  readonly #onBroken: (why: string) => void;
  readonly #exec: Promise<Exec>;
  #lastId = 0;
  /** At most a few: a run's end asks one after the other. */
  readonly #asked = new Map<string, (answer: string | null) => void>();
  #pending = "";
  #isOver = false;

  /** `onBroken` is called once if the warden ends or does not answer: nothing more can be done in this guest. */
  constructor(machine: Machine, clock: Clock, onBroken: (why: string) => void) {
    this.#clock = clock;
    this.#onBroken = onBroken;
    this.#exec = startExec(
      { machine, argv: [...guestPrograms.warden, pipesFolder], env: {}, stdin: true, clock },
      {
        onStdout: (bytes) => this.#hear(Buffer.from(bytes).toString("latin1")),
        onStderr: () => {},
        onEnd: () => this.#break("the connection to it ended"),
      },
    );
    this.#exec.catch(() => this.#break("what ends processes in it could not be started"));
  }

  /** Asks the processes of a run to end, or ends them. */
  async end(how: "terminate" | "sweep", { agoMs, root, carriers }: WardedRun): Promise<void> {
    await this.#ask(`${how} ID ${Math.ceil(agoMs / 10) + slackTicks} ${root ?? 0} ${carriers.join(" ")}`);
  }

  async killInterpreter(): Promise<void> {
    await this.#ask("kill ID 0");
  }

  /** What the kernel has last said of ending a process for want of memory; empty if it has not. */
  async lastOutOfMemory(): Promise<string> {
    return (await this.#ask("oom ID 0")) ?? "";
  }

  close(): void {
    this.#isOver = true;
    void this.#exec.then((exec) => exec.kill()).catch(() => {});
    for (const answer of this.#asked.values()) answer(null);
    this.#asked.clear();
  }

  /** Resolves with null when the warden is over. */
  async #ask(request: string): Promise<string | null> {
    if (this.#isOver) return null;
    this.#lastId += 1;
    const id = String(this.#lastId);
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#asked.set(id, resolve);
    void this.#exec.then((exec) => exec.write(`${request.replace("ID", id)}\n`)).catch(() => {});
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

  #hear(text: string): void {
    const lines = (this.#pending + text).split("\n");
    this.#pending = (lines.pop() ?? "").slice(-lineLimit);
    for (const line of lines) {
      const [, id = "", answer = ""] = /^(\d+) (.*)$/.exec(line) ?? [];
      this.#asked.get(id)?.(answer);
      this.#asked.delete(id);
    }
  }

  #break(why: string): void {
    if (this.#isOver) return;
    this.close();
    this.#onBroken(why);
  }
}
