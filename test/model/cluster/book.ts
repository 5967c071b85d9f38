// What a walk over several nodes knows of its sessions and calls, and what no answer may say: that is looked at with each answer.

import { Failure } from "../../../src/failure.ts";
import { ProtocolError } from "../../../src/mcp/tool.ts";
import type { ToolAnswer } from "../../../src/mcp/tool-set.ts";
import type { WorldTime } from "./clocks.ts";
import type { Life, ModelNode } from "./model-node.ts";

export type Session = {
  readonly id: string;
  readonly principal: string;
  readonly value: string;
  readonly owner: ModelNode;
  /** As was told first. Of one that its node was said to be lost with: `lostEpoch` says of which registration. */
  over: { readonly reason: string; readonly lostEpoch: number | undefined; readonly atMs: number } | undefined;
};

/** How a call ended for its client. */
export type Told =
  | { readonly kind: "done"; readonly text: string; readonly isSuccess: boolean; readonly answer: ToolAnswer }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string | undefined; readonly message: string }
  /** It was canceled, or its node is gone or away: nothing is known. */
  | { readonly kind: "unheard" };

/** The node that was asked is not there, or is there no more. */
export class Unheard extends Error {}

type Served = { readonly life: Life; readonly atMs: number };

/** Failures that may come to any call. */
const expectedCodes = new Set([
  "CONNECTION_ERROR",
  "RESOURCE_LIMIT_EXCEEDED",
  "SANDBOX_CREATION_ERROR",
  "CODE_EXECUTION_ERROR",
]);
/** Reasons by which a session may be no more. */
const expectedReasons = new Set(["lost", "evicted", "stopped", "shutdown", "stopping"]);
/** What a node has looked up is taken for true as long, and a margin. Milliseconds. */
const freshMs = 1_100;

export class Book {
  readonly sessions: Session[] = [];
  readonly problems: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #time: WorldTime;
  readonly #runs = new Map<string, number>();
  readonly #askedMs = new Map<string, number>();
  readonly #served = new Map<string, Served>();
  /** Calls that were told that nothing was carried out. */
  readonly #undone = new Set<string>();
  /** When each node was registered, and as what. */
  readonly #registered = new Map<string, { readonly atMs: number; readonly epoch: number }[]>();
  /** When the registry last lost what it had. */
  emptiedMs = Number.NEGATIVE_INFINITY;

  constructor(time: WorldTime) {
    this.#time = time;
  }

  /** A call is about to be made. */
  asked(mark: string): void {
    this.#askedMs.set(mark, this.#time.nowMs);
  }

  ran(mark: string, sessionId: string, life: Life): void {
    const over = this.sessions.find(({ id }) => id === sessionId)?.over;
    const isLost = over?.lostEpoch !== undefined && (life.epochs[0] ?? 0) <= over.lostEpoch;
    // What was asked before may still be queued there: it is not stopped, and not answered.
    if (isLost && (this.#askedMs.get(mark) ?? 0) > over.atMs)
      this.wrong(`${mark} was run after its session was told lost`);
    const times = (this.#runs.get(mark) ?? 0) + 1;
    this.#runs.set(mark, times);
    if (times > 1) this.wrong(`the call ${mark} was carried out ${times} times`);
    if (this.#undone.has(mark)) this.wrong(`the call ${mark} was carried out after it was told that it was not`);
  }

  served(mark: string, life: Life): void {
    this.#served.set(mark, { life, atMs: this.#time.nowMs });
  }

  registered(nodeId: string, epoch: number): void {
    const all = this.#registered.get(nodeId) ?? [];
    this.#registered.set(nodeId, [...all, { atMs: this.#time.nowMs, epoch }]);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  wrong(what: string): void {
    this.problems.push(what);
  }

  /** The answer to a call of a session, or to one that opens it. */
  judge(what: string, mark: string, told: Told, session: Session | undefined): void {
    if (told.kind === "failed") this.#judgeFailure(what, mark, told, session);
    if (told.kind !== "done") return;
    if (told.isSuccess) this.#judgeSuccess(what, mark, told.text, session);
  }

  /** That it is over is told of a session. */
  over(what: string, session: Session, reason: string): void {
    this.count(`told ${reason}`);
    if (!expectedReasons.has(reason)) {
      const { owner } = session;
      const since = this.#registered.get(owner.id)?.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
      // A registry that lost all it had, and has not heard of that node since.
      const isForgotten = reason === "foreign" && since <= this.emptiedMs + freshMs;
      const isNew = this.#time.nowMs - since <= freshMs;
      if (!isForgotten && !isNew) this.wrong(`${what}: ${session.value} of ${owner.name} is told to be ${reason}`);
      return;
    }
    const lostEpoch = reason === "lost" ? this.#epochBefore(session.owner.id) : undefined;
    session.over ??= { reason, lostEpoch, atMs: this.#time.nowMs };
  }

  #judgeSuccess(what: string, mark: string, text: string, session: Session | undefined): void {
    this.count("served");
    if (this.#runs.get(mark) !== 1) this.wrong(`${what}: answered without having run`);
    if (session === undefined) return;
    const { value, over } = session;
    if (text !== `${mark}\n${value}\n`) this.wrong(`${what}: answered ${JSON.stringify(text)}, not ${value}`);
    if (over === undefined) return;
    if (over.reason !== "lost") {
      this.wrong(`${what}: ${value} was told to be ${over.reason}, and is served again`);
      return;
    }
    const by = this.#served.get(mark)?.life.epochs[0];
    if (by === undefined || over.lostEpoch === undefined || by > over.lostEpoch) {
      // A later process of that node has taken it up.
      session.over = undefined;
      this.count("taken up after it was told lost");
      return;
    }
    this.wrong(`${what}: ${value} was told to be lost with registration ${over.lostEpoch}, and ${by} serves it`);
  }

  #judgeFailure(
    what: string,
    mark: string,
    { code, reason, message }: Extract<Told, { readonly kind: "failed" }>,
    session: Session | undefined,
  ): void {
    this.count(`failed: ${code}`);
    if (message.includes("is not known")) this.count("broke off");
    if (message.includes("Nothing was carried out")) {
      this.#undone.add(mark);
      if (this.#runs.has(mark)) this.wrong(`${what}: was carried out, and told: ${message}`);
    }
    if (code === "SESSION_NOT_FOUND" && reason !== undefined) {
      if (session !== undefined) this.over(what, session, reason);
      // One that was just being opened.
      else if (!expectedReasons.has(reason)) this.wrong(`${what}: ${message}`);
      return;
    }
    if (!expectedCodes.has(code)) this.wrong(`${what}: ${code}: ${message}`);
  }

  #epochBefore(nodeId: string): number | undefined {
    return this.#registered.get(nodeId)?.findLast(({ atMs }) => atMs <= this.#time.nowMs - freshMs)?.epoch;
  }
}

export function toldOf(answer: ToolAnswer): Told {
  const { content, structuredContent, isError } = answer as {
    readonly content?: readonly { readonly text?: string }[];
    readonly structuredContent?: { readonly success?: unknown };
    readonly isError?: boolean;
  };
  const isSuccess = isError !== true && structuredContent?.success !== false;
  return { kind: "done", text: content?.[0]?.text ?? "", isSuccess, answer };
}

export function toldOfError(error: unknown): Told {
  if (error instanceof Unheard) return { kind: "unheard" };
  if (error instanceof ProtocolError) {
    const { error_code, context } = Object(error.data) as {
      readonly error_code?: unknown;
      readonly context?: { readonly reason?: unknown };
    };
    const reason = typeof context?.reason === "string" ? context.reason : undefined;
    return { kind: "failed", code: String(error_code), reason, message: error.message };
  }
  const code = error instanceof Failure ? error.kind : "unexpected";
  return { kind: "failed", code, reason: undefined, message: String(error) };
}
