// One client: mixed calls on everybody's sessions, each answer held against what is known of the session. Calls are bounded in number and time.

import type { Life, Slot } from "./slot.ts";
import type { Tally } from "./tally.ts";
import type { Answer, Way } from "./ways.ts";

const notFound = "SESSION_NOT_FOUND";
/** The first slots are used more than the others, so that the others are the ones to be evicted. */
const usualHotSlots = 16;
const hotShare = 0.75;
/** Of what is done with a session that is there, by `more`. */
const moreShare = 0.12;

type Refused = Extract<Answer, { kind: "error" }>;

/**
 * What explains an error beside the ends of sessions that the clients know of. `lost`: the session is no more. `uncertain`: the call may have been carried
 * out or not, and the session may go on.
 */
export type Excuse = (error: Refused, life: Life | undefined, askedMs: number) => "lost" | "uncertain" | undefined;

export type ClientOptions = {
  readonly way: Way;
  readonly slots: readonly Slot[];
  readonly tally: Tally;
  readonly seed: number;
  /** 0: all slots are used alike. */
  readonly hotSlots?: number;
  readonly excuse?: Excuse;
  /** Something else that this client does with a session. Resolves with the fault, if there is one. */
  readonly more?: (life: Life, client: Client) => Promise<void>;
};

export class Client {
  readonly #way: Way;
  readonly #slots: readonly Slot[];
  readonly #tally: Tally;
  readonly #hotSlots: number;
  readonly #excuse: Excuse;
  readonly #more: ClientOptions["more"];
  readonly random: () => number;

  constructor({ way, slots, tally, seed, hotSlots = usualHotSlots, excuse = () => undefined, more }: ClientOptions) {
    this.#way = way;
    this.#slots = slots;
    this.#tally = tally;
    this.#hotSlots = hotSlots;
    this.#excuse = excuse;
    this.#more = more;
    this.random = randomOf(seed);
  }

  /** Until `end`, at most. */
  async run(calls: number, end?: AbortSignal): Promise<void> {
    for (let call = 0; call < calls && end?.aborted !== true; call++) {
      try {
        await this.#act();
      } catch (error) {
        this.#tally.count("any", "no answer");
        this.#tally.fault(`no answer: ${String(error)}`);
      }
    }
  }

  async #act(): Promise<void> {
    const slot = this.#pickSlot();
    const life = slot.life?.gone === false ? slot.life : undefined;
    const roll = this.random();
    if (roll < 0.04) return await this.#useMadeUpId();
    if (life === undefined && slot.life !== undefined && roll < 0.3) return await this.#useGone(slot.life);
    if (life === undefined) return await this.#open(slot);
    if (this.#more !== undefined && this.random() < moreShare) return await this.#more(life, this);
    if (roll < 0.62) return await this.#step(slot, life, 0);
    if (roll < 0.66) return await this.#step(slot, life, Math.round(this.random() * 200));
    if (roll < 0.84) return await this.#readFile(life);
    if (roll < 0.91) return await this.#look(slot, life);
    if (roll < 0.93) return await this.#lookAtAll();
    if (roll < 0.95) return await this.#contradict(slot, life);
    if (roll < 0.985) return await this.#stop(life);
    // Forgotten and not stopped, as clients do: the server has to find out.
    slot.life = undefined;
    return await this.#open(slot);
  }

  /** At the end of all: no call of the session was carried out twice, and none was left out but those of which nobody knows. */
  async settle(slot: Slot): Promise<void> {
    const { life } = slot;
    if (life === undefined || life.gone || life.stopAsked) return;
    await this.#step(slot, life, 0);
    if (life.gone || life.told >= life.asked - life.uncertain) return;
    this.#tally.fault(
      `${life.asked} steps, ${life.uncertain} of them uncertain, have brought ${life.secret} to ${life.told}`,
    );
  }

  async #open(slot: Slot): Promise<void> {
    if (slot.opening !== undefined) {
      const life = await slot.opening;
      if (life !== undefined) await this.#step(slot, life, 0);
      return;
    }
    slot.opening = this.#openNow(slot).finally(() => {
      slot.opening = undefined;
    });
    slot.life = await slot.opening;
  }

  async #openNow(slot: Slot): Promise<Life | undefined> {
    const secret = `s${Math.floor(this.random() * 2 ** 52).toString(36)}`;
    const { language: template, flavor } = slot;
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_code", { code: slot.beginning(secret), template, flavor });
    if (answer.kind === "error") {
      this.explain("open", answer, undefined, askedMs);
      return undefined;
    }
    this.#tally.executions++;
    const { content } = answer;
    const id = String(content.session_id);
    this.#tally.count("open", "success");
    if (content.stdout !== `${secret} 0\n` || content.session_created !== true) this.#wrong("open", content);
    const taken = this.#slots.some(({ life }) => life?.id === id);
    if (taken) this.#tally.fault(`open: ${id} is another session's`);
    const counts = { asked: 0, uncertain: 0, told: 0, seen: new Set<number>() };
    return { id, secret, openedMs: performance.now(), ...counts, stopAsked: false, gone: false };
  }

  async #step(slot: Slot, life: Life, busyMs: number): Promise<void> {
    const { told } = life;
    const wasGone = life.gone;
    life.asked++;
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_code", { code: slot.step(busyMs), session_id: life.id });
    const asked = busyMs === 0 ? "step" : "long step";
    if (answer.kind === "error") return this.explain(asked, answer, life, askedMs);
    this.#tally.executions++;
    const { content } = answer;
    if (content.ended === "canceled") return this.#explainCanceled(asked, life, askedMs);
    this.#tally.count(asked, String(content.success === true ? "success" : content.ended));
    const [, secret, text] = /^(\S+) (\d+)\n$/.exec(String(content.stdout)) ?? [];
    const steps = Number(text);
    const isRight = secret === life.secret && steps > told && steps <= life.asked && !life.seen.has(steps) && !wasGone;
    if (!isRight) this.#wrong(`${asked} of ${life.secret}, ${told} < n <= ${life.asked}`, content);
    life.seen.add(steps);
    life.told = Math.max(life.told, steps);
  }

  async #readFile(life: Life): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_command", { command: "cat secret", session_id: life.id });
    if (answer.kind === "error") return this.explain("command", answer, life, askedMs);
    this.#tally.executions++;
    const { content } = answer;
    if (content.ended === "canceled") return this.#explainCanceled("command", life, askedMs);
    this.#tally.count("command", String(content.success === true ? "success" : content.ended));
    if (content.stdout !== life.secret || wasGone) this.#wrong(`command of ${life.secret}`, content);
  }

  async #look(slot: Slot, life: Life): Promise<void> {
    const wasGone = life.gone;
    const askedMs = performance.now();
    const answer = await this.#way.call("get_sessions", { session_id: life.id });
    if (answer.kind === "error") return this.explain("look", answer, life, askedMs);
    const [session, ...more] = sessionsOf(answer.content);
    this.#tally.count("look", session === undefined ? "not active" : "active");
    if (session === undefined) {
      life.gone = true;
      return;
    }
    const isRight = session.session_id === life.id && session.template === slot.language && more.length === 0;
    if (!isRight || wasGone) this.#wrong("look", answer.content);
  }

  async #lookAtAll(): Promise<void> {
    const askedMs = performance.now();
    const answer = await this.#way.call("get_sessions", {});
    if (answer.kind === "error") return this.explain("look at all", answer, undefined, askedMs);
    this.#tally.count("look at all", "success");
    const ids = sessionsOf(answer.content).map(({ session_id }) => session_id);
    if (new Set(ids).size !== ids.length) this.#wrong("look at all", answer.content);
  }

  async #contradict(slot: Slot, life: Life): Promise<void> {
    const template = slot.language === "python" ? "node" : "python";
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_code", { code: "1", template, session_id: life.id });
    if (answer.kind === "result") return this.#wrong("another template", answer.content);
    if (answer.code === "INVALID_ARGUMENTS") return this.#tally.count("another template", answer.code);
    this.explain("another template", answer, life, askedMs);
  }

  async #useMadeUpId(): Promise<void> {
    const real = this.#slots.find(({ life }) => life !== undefined)?.life?.id ?? "session-none";
    const last = real.endsWith("a") ? "b" : "a";
    const madeUp = [`session-${crypto.randomUUID()}`, real.slice(0, -1) + last, real.slice(0, 14)];
    const id = madeUp[Math.floor(this.random() * madeUp.length)] ?? "";
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_code", { code: "print(secret)", session_id: id });
    if (answer.kind === "result") return this.#wrong(`made-up id ${id}`, answer.content);
    const isRight = answer.code === notFound && ["unknown", "mistyped", "foreign"].includes(answer.reason);
    if (!isRight) return this.explain("made-up id", answer, undefined, askedMs);
    this.#tally.count("made-up id", answer.reason);
  }

  /** What was told to be gone stays so, for the same reason. */
  async #useGone(life: Life): Promise<void> {
    const askedMs = performance.now();
    const answer = await this.#way.call("execute_code", { code: "print(secret)", session_id: life.id });
    if (answer.kind === "result") this.#wrong("gone id", answer.content);
    else this.explain("gone id", answer, life, askedMs);
  }

  async #stop(life: Life): Promise<void> {
    life.stopAsked = true;
    const askedMs = performance.now();
    const answer = await this.#way.call("stop_session", { session_id: life.id });
    if (answer.kind === "error") return this.explain("stop", answer, life, askedMs);
    const { success, reason } = answer.content;
    if (success === true) this.#tally.count("stop", "success");
    else {
      const message = JSON.stringify(answer.content);
      this.explain("stop", { kind: "error", code: notFound, reason: String(reason), message }, life, askedMs);
    }
    life.gone = true;
  }

  /** A run was ended by somebody else: by a stop, or by the end of its server. */
  #explainCanceled(asked: string, life: Life, askedMs: number): void {
    if (life.stopAsked) {
      this.#tally.count(asked, "canceled by a stop");
      return;
    }
    this.explain(
      asked,
      { kind: "error", code: "CANCELED", reason: "", message: "the run was canceled" },
      life,
      askedMs,
    );
  }

  /** Counts an error that the session's end or the excuses explain; any other is a fault. */
  explain(asked: string, error: Refused, life: Life | undefined, askedMs: number): void {
    const { code, reason, message } = error;
    const isStopped =
      life?.stopAsked === true &&
      // What was carried out in it is forgotten with it.
      ((code === notFound && reason === "stopped") || (code === "EXECUTION_NOT_FOUND" && reason === "forgotten"));
    const isEnded = isStopped || (code === notFound && life !== undefined && reason === "evicted");
    const excuse = isEnded ? "lost" : this.#excuse(error, life, askedMs);
    this.#tally.count(asked, isEnded ? reason : `${code} ${reason}`.trim());
    if (excuse === undefined) this.#tally.fault(`${asked}: ${code}, ${reason}: ${message}`);
    if (life === undefined) return;
    if (excuse === "lost") life.gone = true;
    else life.uncertain++;
    if (isEnded && reason === "evicted") this.#tally.evicted.add(life.id);
  }

  #wrong(asked: string, content: unknown): void {
    this.#tally.fault(`${asked}: ${JSON.stringify(content)}`);
  }

  #pickSlot(): Slot {
    const isHot = this.#hotSlots > 0 && this.random() < hotShare;
    const [from, count] = isHot ? [0, this.#hotSlots] : [this.#hotSlots, this.#slots.length - this.#hotSlots];
    const slot = this.#slots[from + Math.floor(this.random() * count)];
    if (slot === undefined) throw new Error("there are too few slots");
    return slot;
  }
}

/** Of an answer of get_sessions. */
export function sessionsOf(content: Readonly<Record<string, unknown>>) {
  return content.sessions as readonly { readonly session_id: string; readonly template: string }[];
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
