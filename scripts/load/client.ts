// One client: mixed calls on everybody's sessions, each answer held against what is known of the session. Calls are bounded in number and time.

import type { Life, Slot } from "./slot.ts";
import type { Tally } from "./tally.ts";

/** Longest wait for one answer. Milliseconds. */
const patienceMs = 120_000;
/** The first slots are used more than the others, so that the others are the ones to be evicted. */
const hotSlots = 16;
const hotShare = 0.75;

type Answer =
  | { readonly kind: "result"; readonly content: Readonly<Record<string, unknown>> }
  | { readonly kind: "error"; readonly code: string; readonly reason: string; readonly message: string };

/** What the server says, as far as it is read here. */
type Reply = {
  readonly result?: { readonly structuredContent: Readonly<Record<string, unknown>> };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly error_code?: string; readonly context?: { readonly reason?: string } };
  };
};

export class Client {
  readonly #url: string;
  readonly #slots: readonly Slot[];
  readonly #tally: Tally;
  readonly #random: () => number;

  constructor(url: string, slots: readonly Slot[], tally: Tally, seed: number) {
    this.#url = url;
    this.#slots = slots;
    this.#tally = tally;
    this.#random = randomOf(seed);
  }

  async run(calls: number): Promise<void> {
    for (let call = 0; call < calls; call++) {
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
    const roll = this.#random();
    if (roll < 0.04) return await this.#useMadeUpId();
    if (life === undefined && slot.life !== undefined && roll < 0.3) return await this.#useGone(slot.life);
    if (life === undefined) return await this.#open(slot);
    if (roll < 0.62) return await this.#step(slot, life, 0);
    if (roll < 0.66) return await this.#step(slot, life, Math.round(this.#random() * 200));
    if (roll < 0.84) return await this.#readFile(life);
    if (roll < 0.91) return await this.#look(slot, life);
    if (roll < 0.93) return await this.#lookAtAll();
    if (roll < 0.95) return await this.#contradict(slot, life);
    if (roll < 0.985) return await this.#stop(life);
    // Forgotten and not stopped, as clients do: the server has to find out.
    slot.life = undefined;
    return await this.#open(slot);
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
    const secret = `s${Math.floor(this.#random() * 2 ** 52).toString(36)}`;
    const { language: template, flavor } = slot;
    const answer = await this.#call("execute_code", { code: slot.beginning(secret), template, flavor });
    if (answer.kind === "error") {
      this.#unexplained("open", answer);
      return undefined;
    }
    this.#tally.executions++;
    const { content } = answer;
    const id = String(content.session_id);
    this.#tally.count("open", "success");
    if (content.stdout !== `${secret} 0\n` || content.session_created !== true) this.#wrong("open", content);
    const taken = this.#slots.some(({ life }) => life?.id === id);
    if (taken) this.#tally.fault(`open: ${id} is another session's`);
    return { id, secret, asked: 0, told: 0, seen: new Set(), stopAsked: false, gone: false };
  }

  async #step(slot: Slot, life: Life, busyMs: number): Promise<void> {
    const { told } = life;
    const wasGone = life.gone;
    life.asked++;
    const answer = await this.#call("execute_code", { code: slot.step(busyMs), session_id: life.id });
    const asked = busyMs === 0 ? "step" : "long step";
    if (answer.kind === "error") return this.#explain(asked, answer, life);
    this.#tally.executions++;
    const { content } = answer;
    if (content.ended === "canceled" && life.stopAsked) return this.#tally.count(asked, "canceled by a stop");
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
    const answer = await this.#call("execute_command", { command: "cat secret", session_id: life.id });
    if (answer.kind === "error") return this.#explain("command", answer, life);
    this.#tally.executions++;
    const { content } = answer;
    if (content.ended === "canceled" && life.stopAsked) return this.#tally.count("command", "canceled by a stop");
    this.#tally.count("command", String(content.success === true ? "success" : content.ended));
    if (content.stdout !== life.secret || wasGone) this.#wrong(`command of ${life.secret}`, content);
  }

  async #look(slot: Slot, life: Life): Promise<void> {
    const wasGone = life.gone;
    const answer = await this.#call("get_sessions", { session_id: life.id });
    if (answer.kind === "error") return this.#unexplained("look", answer);
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
    const answer = await this.#call("get_sessions", {});
    if (answer.kind === "error") return this.#unexplained("look at all", answer);
    this.#tally.count("look at all", "success");
    const ids = sessionsOf(answer.content).map(({ session_id }) => session_id);
    if (new Set(ids).size !== ids.length) this.#wrong("look at all", answer.content);
  }

  async #contradict(slot: Slot, life: Life): Promise<void> {
    const template = slot.language === "python" ? "node" : "python";
    const answer = await this.#call("execute_code", { code: "1", template, session_id: life.id });
    if (answer.kind === "result") return this.#wrong("another template", answer.content);
    if (answer.code === "INVALID_ARGUMENTS") return this.#tally.count("another template", answer.code);
    this.#explain("another template", answer, life);
  }

  async #useMadeUpId(): Promise<void> {
    const real = this.#slots.find(({ life }) => life !== undefined)?.life?.id ?? "session-none";
    const last = real.endsWith("a") ? "b" : "a";
    const madeUp = [`session-${crypto.randomUUID()}`, real.slice(0, -1) + last, real.slice(0, 14)];
    const id = madeUp[Math.floor(this.#random() * madeUp.length)] ?? "";
    const answer = await this.#call("execute_code", { code: "print(secret)", session_id: id });
    if (answer.kind === "result") return this.#wrong(`made-up id ${id}`, answer.content);
    const isRight = answer.code === "SESSION_NOT_FOUND" && ["unknown", "mistyped", "foreign"].includes(answer.reason);
    if (!isRight) return this.#unexplained("made-up id", answer);
    this.#tally.count("made-up id", answer.reason);
  }

  /** What was told to be gone stays so, for the same reason. */
  async #useGone(life: Life): Promise<void> {
    const answer = await this.#call("execute_code", { code: "print(secret)", session_id: life.id });
    if (answer.kind === "result") this.#wrong("gone id", answer.content);
    else this.#explain("gone id", answer, life);
  }

  async #stop(life: Life): Promise<void> {
    life.stopAsked = true;
    const answer = await this.#call("stop_session", { session_id: life.id });
    if (answer.kind === "error") return this.#unexplained("stop", answer);
    const { success, reason } = answer.content;
    life.gone = true;
    this.#tally.count("stop", success === true ? "success" : `already ${String(reason)}`);
    if (success !== true && reason !== "evicted" && reason !== "stopped") this.#wrong("stop", answer.content);
    if (reason === "evicted") this.#tally.evicted.add(life.id);
  }

  /** An error that a session's end explains; anything else is none that may be. */
  #explain(asked: string, answer: Extract<Answer, { kind: "error" }>, life: Life): void {
    const { code, reason } = answer;
    const isExplained =
      code === "SESSION_NOT_FOUND" && (reason === "evicted" || (reason === "stopped" && life.stopAsked));
    if (!isExplained) {
      this.#unexplained(asked, answer);
      return;
    }
    life.gone = true;
    if (reason === "evicted") this.#tally.evicted.add(life.id);
    this.#tally.count(asked, reason);
  }

  #unexplained(asked: string, { code, reason, message }: Extract<Answer, { kind: "error" }>): void {
    this.#tally.count(asked, `${code} ${reason}`);
    this.#tally.fault(`${asked}: ${code}, ${reason}: ${message}`);
  }

  #wrong(asked: string, content: unknown): void {
    this.#tally.fault(`${asked}: ${JSON.stringify(content)}`);
  }

  #pickSlot(): Slot {
    const isHot = this.#random() < hotShare;
    const [from, count] = isHot ? [0, hotSlots] : [hotSlots, this.#slots.length - hotSlots];
    const slot = this.#slots[from + Math.floor(this.#random() * count)];
    if (slot === undefined) throw new Error("there are too few slots");
    return slot;
  }

  async #call(name: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const { result, error }: Reply = JSON.parse(await response.text());
    if (result !== undefined) return { kind: "result", content: result.structuredContent };
    const { error_code, context } = error?.data ?? {};
    const code = error_code ?? `HTTP ${response.status}, ${error?.code}`;
    return { kind: "error", code, reason: context?.reason ?? "", message: error?.message ?? "" };
  }
}

function sessionsOf(content: Readonly<Record<string, unknown>>) {
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
