// One write: begun in the guest, its content sent in pieces of which a few are on their way, then finished, or taken back.

import { randomBytes } from "node:crypto";
import type { FileInfo, GuestPath, WriteOptions } from "../files.ts";
import { untilAborted } from "../until-aborted.ts";
import { type Agent, AgentLost } from "./agent.ts";
import { readCount, readInfo } from "./answers.ts";
import type { AgentLife } from "./life.ts";
import { orAborted } from "./or-aborted.ts";
import { Pieces } from "./pieces.ts";

/** Of one write, so that the others have their share of what is on its way. */
const piecesOfOne = 8;

export type Write = {
  readonly path: GuestPath;
  readonly content: AsyncIterable<Uint8Array>;
  readonly options: WriteOptions;
  readonly signal: AbortSignal;
};

/** `repeat`: once more with another program, if this one had gone before anything of the content was asked for. */
export async function writeFile(life: AgentLife, write: Write, repeat = true): Promise<FileInfo> {
  const { path, options, signal } = write;
  const { mode, makeFolders, permissions = 0o644, ifVersion, part } = options;
  const token = randomBytes(8).toString("hex");
  const { agent, release } = life.hold();
  const begun = agent.request("write", {
    ...{ path, token, mode, makeFolders, permissions },
    ...(ifVersion !== undefined && { ifVersion }),
    ...(part !== undefined && { part: { id: part.id, offset: part.offset } }),
  });
  let sender: Sender | null = null;
  try {
    const { header } = await orAborted(begun, signal);
    sender = new Sender(agent, readCount(header.handle));
    await sendAll(sender, write);
    const finish = agent.request("finish", { handle: sender.handle, isLast: part?.isLast ?? true });
    const { header: end } = await orAborted(finish, signal);
    return readInfo(end.info);
  } catch (error) {
    const takenBack = takeBack(agent, begun, sender);
    // What has come of a part, and what is left of the rest, is told by the next request: that has to wait for this one.
    await life.patiently(takenBack);
    if (error instanceof AgentLost && part === undefined) await discard(life, path, token, mode);
    if (!repeat || sender !== null || !(error instanceof AgentLost) || !error.hadStarted) throw error;
    return await writeFile(life, write, false);
  } finally {
    release();
  }
}

async function sendAll(sender: Sender, { content, options, signal }: Write): Promise<void> {
  const pieces = new Pieces(sender.pieceBytes);
  try {
    for await (const bytes of untilAborted(content, signal)) {
      for (const piece of pieces.add(bytes)) await sender.send(piece, signal);
    }
    for (const piece of pieces.rest()) await sender.send(piece, signal);
    await orAborted(sender.settled(), signal);
  } catch (error) {
    // What has come of a part stays, to go on from there.
    if (options.part !== undefined) for (const piece of pieces.rest()) await sender.send(piece).catch(() => undefined);
    throw error;
  }
}

class Sender {
  readonly handle: number;
  readonly #agent: Agent;
  readonly #onTheirWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  #offset = 0;

  constructor(agent: Agent, handle: number) {
    this.#agent = agent;
    this.handle = handle;
  }

  get pieceBytes(): number {
    return this.#agent.pieceBytes;
  }

  /** Resolves when the next may come. Throws what became of those before. */
  async send(piece: Uint8Array, signal: AbortSignal = never): Promise<void> {
    if (this.#onTheirWay.size >= piecesOfOne) await orAborted(Promise.race(this.#onTheirWay), signal);
    await this.#agent.slots.take();
    if (this.#failure !== null) {
      this.#agent.slots.give();
      throw this.#failure.error;
    }
    const request = this.#agent.request("data", { handle: this.handle, offset: this.#offset }, piece);
    this.#offset += piece.length;
    const sent: Promise<void> = request
      .then(
        () => undefined,
        (error: unknown) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => {
        this.#agent.slots.give();
        this.#onTheirWay.delete(sent);
      });
    this.#onTheirWay.add(sent);
  }

  /** All of it has come. Throws if it has not. */
  async settled(): Promise<void> {
    await Promise.all(this.#onTheirWay);
    if (this.#failure !== null) throw this.#failure.error;
  }
}

const never = new AbortController().signal;

/** Nothing of it may be on its way any more when it is closed. */
async function takeBack(agent: Agent, begun: Promise<unknown>, sender: Sender | null): Promise<void> {
  await sender?.settled().catch(() => undefined);
  await begun
    .then((answer) => {
      const handle = sender?.handle ?? handleOf(answer);
      return handle === null ? undefined : agent.request("cancel", { handle });
    })
    .catch(() => undefined);
}

function handleOf(answer: unknown): number | null {
  if (typeof answer !== "object" || answer === null || !("header" in answer)) return null;
  const { header } = answer;
  if (typeof header !== "object" || header === null || !("handle" in header)) return null;
  return typeof header.handle === "number" ? header.handle : null;
}

/** The program was killed: another one removes what it had begun. */
async function discard(life: AgentLife, path: GuestPath, token: string, mode: WriteOptions["mode"]): Promise<void> {
  await life
    .use(false, (agent) => agent.request("discard", { path, token, follow: mode !== "new" }))
    .catch(() => undefined);
}
