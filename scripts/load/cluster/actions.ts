// What a cluster has to pass on beside calls of tools that are answered at once: files both ways, long runs, tasks, progress, the list of all sessions.

import { type Client, sessionsOf } from "../client.ts";
import type { Life } from "../slot.ts";
import type { Tally } from "../tally.ts";
import { type Answer, noAnswer, type Way } from "../ways.ts";

export type ActionOptions = { readonly way: Way; readonly url: string; readonly tally: Tally };

/** Longer than a pipe and a TCP window hold, now and then. */
const largeFileBytes = 3 * 1024 * 1024;
const patienceMs = 120_000;

/** One thing more, by chance. */
export function createActions({ way, url, tally }: ActionOptions) {
  return async (life: Life, client: Client): Promise<void> => {
    const roll = client.random();
    if (roll < 0.4) return await moveFile(life, client);
    if (roll < 0.6) return await runLong(life, client);
    if (roll < 0.85 && way.callWithProgress !== undefined) return await hearProgress(life, client);
    if (roll < 0.9 && way.callAsTask !== undefined) return await followTask(life, client);
    return await lookForOwn(life, client);
  };

  async function moveFile(life: Life, client: Client): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const bytes = contentOf(
      life.secret,
      client.random() < 0.05 ? largeFileBytes : Math.floor(client.random() * 5000) + 100,
    );
    const notMoved = (what: string, error: NonNullable<Got["failed"]>) => {
      // By another client, while the file moved: nothing is left to tell it by.
      const isBrokenOff = error.code === noAnswer || error.code === "HTTP 502";
      if (life.stopAsked && isBrokenOff) return tally.count(what, "broken off by a stop");
      client.explain(what, { ...error, message: `${file}: ${error.message}` }, life, askedMs);
    };
    const name = `up-${Math.floor(client.random() * 1e9)}.bin`;
    const file = `${url}/sessions/${life.id}/files/${name}`;
    const put = await request(file, { method: "PUT", body: bytes });
    if (put.failed !== undefined) return notMoved("upload", put.failed);
    tally.count("upload", String(put.status));
    const from = Math.floor(client.random() * bytes.length);
    const isRange = client.random() < 0.5;
    const got = await request(file, isRange ? { headers: { Range: `bytes=${from}-` } } : {});
    if (got.failed !== undefined) return notMoved("download", got.failed);
    const expected = isRange ? bytes.subarray(from) : bytes;
    tally.count(isRange ? "download of a part" : "download", String(got.status));
    const isRight = got.status === (isRange ? 206 : 200) && Buffer.compare(got.bytes, expected) === 0 && !wasGone;
    if (!isRight) tally.fault(`download of ${file}: ${got.status}, ${got.bytes.length} bytes of ${expected.length}`);
  }

  async function runLong(life: Life, client: Client): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const started = await way.call("execute_command", {
      command: "echo begun; sleep 0.3; cat secret",
      session_id: life.id,
      wait: 0,
    });
    if (started.kind === "error") return client.explain("long run", started, life, askedMs);
    tally.executions++;
    const id = String(started.content.execution_id);
    for (let look = 0; look < 20; look++) {
      const answer = await way.call("get_execution", { execution_id: id, wait: 10 });
      if (answer.kind === "error") return client.explain("look at a long run", answer, life, askedMs);
      const { status, ended, output } = answer.content;
      if (status !== "ended") continue;
      if (ended === "canceled" && life.stopAsked) return tally.count("long run", "canceled by a stop");
      tally.count("long run", String(ended));
      if (output !== `begun\n${life.secret}` || wasGone) wrong(`long run of ${life.secret}`, answer);
      return;
    }
    tally.fault(`the long run ${id} of ${life.id} never ended`);
  }

  async function hearProgress(life: Life, client: Client): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const command = "for i in 1 2 3; do echo line $i; sleep 0.15; done; cat secret";
    const heard = await way.callWithProgress?.("execute_command", { command, session_id: life.id });
    if (heard === undefined) return;
    const { answer, progress } = heard;
    if (answer.kind === "error") return client.explain("progress", answer, life, askedMs);
    tally.executions++;
    const { ended, stdout } = answer.content;
    if (ended === "canceled" && life.stopAsked) return tally.count("progress", "canceled by a stop");
    tally.count("progress", String(ended));
    if (stdout !== `line 1\nline 2\nline 3\n${life.secret}` || wasGone) wrong(`progress of ${life.secret}`, answer);
    if (progress.includes("line 1")) return;
    // No fault: what a reader does not keep up with is left out of a stream, and the SDK drops what it reads together with the answer.
    tally.count("progress", "not heard");
  }

  async function followTask(life: Life, client: Client): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const command = "sleep 2.3; cat secret";
    const followed = await way.callAsTask?.("execute_command", { command, session_id: life.id });
    if (followed === undefined) return;
    const { answer, becameTask } = followed;
    if (answer.kind === "error") return client.explain("task", answer, life, askedMs);
    tally.executions++;
    const { ended, stdout } = answer.content;
    if (life.stopAsked && stdout !== life.secret) return tally.count("task", "canceled by a stop");
    tally.count("task", String(ended));
    if (stdout !== life.secret || !becameTask || wasGone) wrong(`task of ${life.secret}, ${becameTask}`, answer);
  }

  /** Whichever node is asked, a caller sees all sessions of its own. */
  async function lookForOwn(life: Life, client: Client): Promise<void> {
    const askedMs = performance.now();
    const all = await way.call("get_sessions", {});
    if (all.kind === "error") return client.explain("look for own", all, life, askedMs);
    const isListed = (answer: typeof all) =>
      sessionsOf(answer.content).some(({ session_id }) => session_id === life.id);
    const isThere = isListed(all);
    if (isThere || life.gone || life.stopAsked) return tally.count("look for own", isThere ? "there" : "ended");
    const one = await way.call("get_sessions", { session_id: life.id });
    if (one.kind === "error") return client.explain("look for own", one, life, askedMs);
    // One that is not active is named in the answer's message.
    if (!isListed(one) || life.stopAsked) return tally.count("look for own", "ended");
    // A node that cannot be asked is left out of the list, which says so; nothing explains one that does not.
    const unasked = (all.content.nodes_not_asked ?? []) as readonly { readonly node: string; readonly why: string }[];
    const told = unasked.find(({ node }) => node === "all others" || life.id.startsWith(`session-${node}-`));
    if (told === undefined)
      tally.fault(`look for own: ${life.id} is active, and left out: ${JSON.stringify(all.content)}`);
    tally.count("look for own", told === undefined ? "left out" : `left out, as it says: ${told.why}`);
  }

  function wrong(asked: string, answer: Answer): void {
    tally.fault(`${asked}: ${JSON.stringify(answer)}`);
  }
}

type Got = {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly failed?: Extract<Answer, { kind: "error" }>;
};

async function request(url: string, init: RequestInit): Promise<Got> {
  const broken = (code: string, reason: string, message: string): Got => ({
    status: 0,
    bytes: new Uint8Array(),
    failed: { kind: "error", code, reason, message },
  });
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(patienceMs) });
    const bytes = await response.bytes();
    if (response.status < 400) return { status: response.status, bytes };
    const text = new TextDecoder().decode(bytes).slice(0, 300);
    // One that ended while its files moved does not tell why: as it would be for who has stopped it.
    const reason = /\b(lost|evicted|stopped|shutdown|session_ended)\b/
      .exec(text)?.[1]
      ?.replace("session_ended", "stopped");
    const isEnded = response.status === 404 || response.status === 410;
    if (isEnded && reason !== undefined) return broken("SESSION_NOT_FOUND", reason, text);
    return broken(`HTTP ${response.status}`, "", text);
  } catch (error) {
    return broken(noAnswer, "", String(error));
  }
}

function contentOf(secret: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const word = new TextEncoder().encode(`${secret} `);
  for (let at = 0; at < length; at++) bytes[at] = (word[at % word.length] ?? 0) ^ ((at >> 8) & 255);
  return bytes;
}
