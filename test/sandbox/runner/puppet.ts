// A guest program that says what a test has it say, and a run in conversation with it.

import { type Clock, systemClock } from "../../../src/clock.ts";
import type { Display } from "../../../src/sandbox/files.ts";
import { Conversation } from "../../../src/sandbox/runner/conversation.ts";
import type { GuestExit, GuestProcess } from "../../../src/sandbox/runner/guest.ts";
import { inJson } from "../../../src/sandbox/runner/messages.ts";

type Request = { readonly id: string; readonly mark: string };

/** A process that says what it is told to. */
export class Puppet implements GuestProcess {
  readonly #exited = Promise.withResolvers<GuestExit>();
  readonly #writers: Record<"stdout" | "stderr" | "control", (bytes: Uint8Array | null) => void>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly control: ReadableStream<Uint8Array>;
  readonly exited = this.#exited.promise;
  request: Request = { id: "", mark: "" };
  /** What it has been told of input, in order. */
  readonly heard: unknown[] = [];
  killed = false;

  constructor() {
    const [stdout, control, stderr] = [channel(), channel(), channel()];
    this.stdout = stdout.stream;
    this.control = control.stream;
    this.stderr = stderr.stream;
    this.#writers = { stdout: stdout.send, control: control.send, stderr: stderr.send };
  }

  say(where: "stdout" | "stderr" | "control", text: string): void {
    this.#writers[where](Buffer.from(text));
  }

  write(text: string): void {
    const message = JSON.parse(text);
    if ("source" in message) this.request = message;
    else this.heard.push(message);
  }

  kill(): void {
    this.killed = true;
    this.exit({ code: null, signal: "SIGKILL" });
  }

  exit(how: GuestExit): void {
    for (const send of Object.values(this.#writers)) send(null);
    this.#exited.resolve(how);
  }
}

function channel() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 1000 });
  const writer = writable.getWriter();
  let isClosed = false;
  const send = (bytes: Uint8Array | null) => {
    if (isClosed) return;
    isClosed = bytes === null;
    void (bytes === null ? writer.close() : writer.write(bytes)).catch(() => undefined);
  };
  return { stream: readable, send };
}

export type Begun = {
  readonly puppet: Puppet;
  readonly conversation: Conversation;
  readonly printed: () => string;
  /** What it has shown, and where. */
  readonly shown: readonly (Display & { readonly at: number })[];
  readonly notices: readonly string[];
  readonly answer: Promise<unknown>;
};

/** A run of the id "the-run" is on. */
export async function begun(clock: Clock = systemClock): Promise<Begun> {
  const puppet = new Puppet();
  const conversation = new Conversation(puppet, clock, { encode: inJson });
  puppet.say("control", '{"ready":true,"pid":7,"protocol":4}\n');
  await conversation.ready();
  let printed = "";
  const shown: (Display & { readonly at: number })[] = [];
  const notices: string[] = [];
  const answer = conversation.run("the-run", {
    ...{ source: "source", where: "stdout", stdin: "open" },
    onOutput: (_, bytes) => {
      printed += Buffer.from(bytes).toString();
    },
    onDisplay: (display, at) => shown.push({ ...display, at }),
    onNotice: (notice) => notices.push(notice),
  });
  return { puppet, conversation, printed: () => printed, shown, notices, answer };
}

export const goodAnswer = { id: "the-run", ended: "exited", success: true, exitCode: null, result: "1" };
