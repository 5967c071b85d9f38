// A client that is a program of another language: it takes a line of JSON for each call or cancellation, and gives a line for
// each progress and each answer. The first line says what it has connected to.

import { type Answer, type CallOptions, type Client, isRecord, namesOf, responseAnswer } from "./client.ts";
import { linesOf } from "./curl.ts";

type Waiting = { readonly answer: PromiseWithResolvers<Answer>; readonly onProgress: CallOptions["onProgress"] };

export async function openDriven(argv: readonly string[]): Promise<Client> {
  const child = Bun.spawn([...argv], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const errors = child.stderr.text();
  /** By id; as many as the test has calls in flight. */
  const waiting = new Map<number, Waiting>();
  const connected = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  const over = readLines();

  async function readLines(): Promise<void> {
    for await (const line of linesOf(child.stdout)) {
      const said: unknown = JSON.parse(line);
      if (!isRecord(said)) continue;
      if (typeof said.id !== "number") connected.resolve(said);
      else hear(said.id, said);
    }
    const end = new Error(`${argv[0]} ended with ${await child.exited}: ${await errors}`);
    connected.reject(end);
    for (const { answer } of waiting.values()) answer.reject(end);
  }

  function hear(id: number, said: Readonly<Record<string, unknown>>): void {
    if (typeof said.progress === "string") {
      waiting.get(id)?.onProgress?.(said.progress);
      return;
    }
    waiting.get(id)?.answer.resolve(responseAnswer(said));
    waiting.delete(id);
  }

  function tell(order: unknown): void {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    void child.stdin.flush();
  }

  const { revision, tools } = await connected.promise;
  let lastId = 0;
  return {
    revision: String(revision),
    toolNames: () => Promise.resolve(namesOf(tools)),
    call(tool, args, { onProgress, signal } = {}) {
      lastId += 1;
      const id = lastId;
      const answer = Promise.withResolvers<Answer>();
      waiting.set(id, { answer, onProgress });
      signal?.addEventListener("abort", () => tell({ cancel: id }));
      tell({ id, tool, arguments: args, progress: onProgress !== undefined });
      return answer.promise;
    },
    async [Symbol.asyncDispose]() {
      await child.stdin.end();
      await over;
    },
  };
}
