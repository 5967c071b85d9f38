// How long the program that works on files lives, and what becomes of those who speak to one that does not answer, or says nonsense.

import { expect, test } from "bun:test";
import { Failure } from "../../../src/failure.ts";
import { type AgentProgram, notThere, type StartAgent } from "../../../src/sandbox/file-agent/agent.ts";
import { AgentFiles } from "../../../src/sandbox/file-agent/agent-files.ts";
import { FakeClock, settle } from "../../fakes/fake-clock.ts";

const signal = new AbortController().signal;
const info = { path: "/x", kind: "file", sizeBytes: 1, modifiedMs: 0, permissions: 0o644, version: "1" };

/** Programs that answer as the test says: what comes for a request is sent. */
class Guest {
  readonly clock = new FakeClock();
  readonly requests: Readonly<Record<string, unknown>>[] = [];
  started = 0;
  killed = 0;
  closed = 0;
  lost: Failure | null = null;
  answer: (request: Readonly<Record<string, unknown>>) => string | null = ({ id }) =>
    `${JSON.stringify({ id, bytes: 0, info, handle: 1 })}\n`;
  /** Of the one that is there. */
  end: (how: string) => void = () => {};
  readonly files: AgentFiles;

  constructor() {
    this.files = new AgentFiles({ start: this.#start, clock: this.clock, lost: () => this.lost });
  }

  readonly #start: StartAgent = (onStdout): AgentProgram => {
    this.started += 1;
    const ended = Promise.withResolvers<string>();
    this.end = ended.resolve;
    const tell = (text: string) => onStdout(new TextEncoder().encode(text));
    return {
      write: (text) => {
        const request: Readonly<Record<string, unknown>> = JSON.parse(text);
        this.requests.push(request);
        const answer = this.answer(request);
        if (answer !== null) queueMicrotask(() => tell(answer));
      },
      closeInput: () => {
        this.closed += 1;
        ended.resolve("exit status 0");
      },
      kill: () => {
        this.killed += 1;
        ended.resolve("SIGKILL");
      },
      ended: ended.promise,
    };
  };

  stat(): Promise<unknown> {
    return this.files.stat("x", signal).then(
      () => "told",
      (error: Error) => error.message,
    );
  }
}

test("it is started when it is needed, and ended when it has not been for ten seconds", async () => {
  const guest = new Guest();
  expect(guest.started).toBe(0);
  expect(await guest.stat()).toBe("told");
  await guest.clock.advance(9_000);
  expect(await guest.stat()).toBe("told");
  await guest.clock.advance(9_000);
  expect(guest).toMatchObject({ started: 1, closed: 0 });
  await guest.clock.advance(1_000);
  expect(guest).toMatchObject({ closed: 1, killed: 0 });
  expect(await guest.stat()).toBe("told");
  expect(guest.started).toBe(2);
  await guest.clock.advance(20_000);
  expect(guest.clock.sleeping).toBe(0);
});

test("where nothing could start it, what is required is told, and what to do without", async () => {
  const guest = new Guest();
  guest.answer = () => {
    guest.end(notThere);
    return null;
  };
  expect(await guest.stat()).toBe(
    "Code execution failed: The sandbox's files cannot be reached: the image has neither Python nor Node.js, which the program that reaches them requires. Read and write files with execute_command, or use another template.",
  );
  expect(guest.started).toBe(1);
});

test("while a file is open it stays", async () => {
  const guest = new Guest();
  {
    await using _ = await guest.files.open("x", signal);
    await guest.clock.advance(60_000);
    expect(guest.closed).toBe(0);
  }
  await guest.clock.advance(10_000);
  expect(guest.closed).toBe(1);
});

test("nothing is waited for once the sandbox has ended, also where a file was still open", async () => {
  const guest = new Guest();
  {
    await using _ = await guest.files.open("x", signal);
    guest.files.end();
  }
  expect(guest).toMatchObject({ killed: 1, clock: { sleeping: 0 } });
});

test("a file whose caller has gone is closed", async () => {
  const guest = new Guest();
  const caller = new AbortController();
  const file = await guest.files.open("x", caller.signal);
  caller.abort(new Error("gone"));
  await expect(file.read(0, 1)).rejects.toThrow("gone");
  await settle();
  expect(guest.requests.map(({ op }) => op)).toEqual(["open", "close"]);
  await guest.clock.advance(10_000);
  expect(guest.closed).toBe(1);
});

test("one that was killed is started again for what only looks, and for nothing else", async () => {
  const guest = new Guest();
  expect(await guest.stat()).toBe("told");
  const { answer } = guest;
  const dieOnce = () => {
    guest.answer = () => {
      guest.answer = answer;
      guest.end("SIGKILL");
      return null;
    };
  };
  dieOnce();
  expect(await guest.stat()).toBe("told");
  expect(guest.started).toBe(2);
  dieOnce();
  const removed = guest.files.remove("x", { withContent: true }, signal);
  await expect(removed).rejects.toThrow("was ended while it worked (SIGKILL)");
  expect(guest.requests.filter(({ op }) => op === "remove").length).toBe(1);
});

test("one that had gone unnoticed is started again for a walk, and for a write of which nothing had been asked for", async () => {
  const guest = new Guest();
  const { answer } = guest;
  let asked = 0;
  const content = async function* () {
    asked += 1;
    yield new Uint8Array(1);
  };
  const works = [
    async () => await Array.fromAsync(guest.files.walk("x", { depth: 1 }, signal)),
    async () => await guest.files.write("x", content(), { mode: "append", makeFolders: false }, signal),
  ];
  for (const [index, work] of works.entries()) {
    expect(await guest.stat()).toBe("told");
    guest.answer = () => {
      guest.answer = (request) =>
        request.op === "next" ? `${JSON.stringify({ id: request.id, bytes: 2 })}\n[]` : answer(request);
      guest.end("SIGKILL");
      return null;
    };
    await work();
    expect(guest.started).toBe(index + 2);
  }
  expect(asked).toBe(1);
});

test("what a file's system says while it is read is told of the file", async () => {
  const guest = new Guest();
  await using file = await guest.files.open("x", signal);
  guest.answer = ({ id }) => `${JSON.stringify({ id, error: "EIO" })}\n`;
  await expect(file.read(0, 1)).rejects.toThrow('"x" could not be used: the sandbox\'s system says EIO.');
});

test("one that cannot be started is told with what is probably used up", async () => {
  const guest = new Guest();
  guest.answer = () => {
    guest.end("exit status 1");
    return null;
  };
  expect(await guest.stat()).toContain(
    "could not be started there (exit status 1): its limit of processes or of memory may be used up",
  );
  expect(guest.started).toBe(1);
});

test("one that was stopped, and does not even say that it is there, is ended before clients give up", async () => {
  const guest = new Guest();
  expect(await guest.stat()).toBe("told");
  guest.answer = () => null;
  const removed = guest.files.remove("x", { withContent: true }, signal);
  removed.catch(() => undefined);
  await guest.clock.advance(39_000);
  expect(guest.killed).toBe(0);
  await guest.clock.advance(1_000);
  await expect(removed).rejects.toThrow("it did not answer");
  expect(guest.killed).toBe(1);
});

test("one that is slow, and says that it is there, is waited for", async () => {
  const guest = new Guest();
  expect(await guest.stat()).toBe("told");
  const { answer } = guest;
  let pings = 0;
  guest.answer = (request) => {
    if (request.op !== "ping") return null;
    pings += 1;
    return answer(request);
  };
  const removed = guest.files.remove("x", { withContent: true }, signal);
  removed.catch(() => undefined);
  await guest.clock.advance(600_000);
  expect(guest.killed).toBe(0);
  expect(pings).toBeGreaterThan(5);
  guest.files.end();
  await expect(removed).rejects.toThrow("was ended while it worked");
});

for (const nonsense of [
  "nothing\n",
  "[]\n",
  '{"id":1,"bytes":1e9}\n',
  '{"id":1,"bytes":-1}\n',
  '{"id":1,"bytes":0.5}\n',
  "x".repeat(70_000),
]) {
  test(`nonsense in its place ends it: ${nonsense.slice(0, 30).trim()}`, async () => {
    const guest = new Guest();
    const { answer } = guest;
    guest.answer = () => nonsense;
    const told = guest.files.remove("x", { withContent: false }, signal);
    await expect(told).rejects.toThrow("Code execution failed");
    expect(guest.killed).toBe(1);
    guest.answer = answer;
    expect(await guest.stat()).toBe("told");
  });
}

for (const wrong of [
  { path: 1 },
  { path: "x" },
  { path: "/a/../b" },
  { path: "/.." },
  { target: "" },
  { kind: "door" },
  { sizeBytes: -1 },
  { version: "a/b" },
  { permissions: "rw" },
]) {
  test(`an answer that tells no file is no answer: ${JSON.stringify(wrong)}`, async () => {
    const guest = new Guest();
    guest.answer = ({ id }) => `${JSON.stringify({ id, bytes: 0, info: { ...info, ...wrong } })}\n`;
    expect(await guest.stat()).toContain("gave an answer that is none");
  });
}

test("a sandbox that is lost is told, and nothing is started in it", async () => {
  const guest = new Guest();
  guest.lost = new Failure("connection", "It was stopped.");
  expect(await guest.stat()).toContain("It was stopped.");
  expect(guest.started).toBe(0);
});
