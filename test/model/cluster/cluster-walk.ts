// A seeded random walk over several nodes of one cluster: calls come to any of them while ways are cut, processes stop, die and come back, and the registry
// stands still and loses what it had. What must hold after every step is looked at in book.ts and limits.ts, what must hold in the end in rest.ts.

import type { CallContext } from "../../../src/mcp/tool-set.ts";
import type { Random } from "../random.ts";
import { type Book, type Session, type Told, toldOf, toldOfError, Unheard } from "./book.ts";
import { checkLimits } from "./limits.ts";
import type { ModelNode } from "./model-node.ts";
import { registryHost } from "./model-registry.ts";
import { checkRest } from "./rest.ts";
import type { Walked } from "./walked.ts";

export const principals = ["alice", "bob"];

type Pending = { readonly what: string; readonly cancel: AbortController };

/** What happens to a walk between two rests, beside calls. */
type Weather = "fair" | "processes" | "peers" | "registry" | "all";

const stepsBetweenRests = 50;

export class ClusterWalk {
  readonly #world: Walked;
  readonly #random: Random;
  readonly #trace: string[] = [];
  readonly #pending = new Set<Pending>();
  #weather: Weather = "fair";
  #marks = 0;

  constructor(world: Walked, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  get #book(): Book {
    return this.#world.book;
  }

  /** Throws an Error that names the seed and the last steps, if something does not hold. */
  async take(steps: number): Promise<void> {
    let step = 0;
    try {
      await this.#rest();
      for (step = 1; step <= steps; step++) {
        if (step % stepsBetweenRests === 1) {
          this.#weather = this.#random.pick<Weather>(["fair", "processes", "peers", "registry", "all", "all"]);
          this.#say(`weather: ${this.#weather}`);
        }
        await this.#step();
        this.#check();
        if (step % stepsBetweenRests === 0) await this.#rest();
      }
      await this.#rest();
    } catch (error) {
      const last = this.#trace.slice(-60).join("\n  ");
      throw new Error(`seed ${this.#random.seed}, step ${step}: ${String(error)}\n  ${last}`, { cause: error });
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const { time } = this.#world.net;
    const [name, act] = random.weighted<readonly [string, () => Promise<void> | void]>([
      [16, ["open", () => this.#open()]],
      [40, ["use", () => this.#use(`get x`)]],
      [8, ["hang", () => this.#use("forever")]],
      [12, ["use everywhere", () => this.#useEverywhere()]],
      [4, ["cancel", () => this.#cancel()]],
      [6, ["stop a session", () => this.#stopSession()]],
      [5, ["list", () => this.#list()]],
      [2, ["boots", () => this.#disturbBoots()]],
      [this.#weather === "fair" ? 0 : 16, ["disturb", () => this.#disturb()]],
      [this.#weather === "fair" ? 0 : 8, ["mend", () => this.#mend()]],
    ]);
    this.#book.count(name);
    await act();
    await time.pass(random.pick([0, 50, 200, 1000, 1000, 3000, 7000, 15_000]));
  }

  #open(): void {
    const principal = this.#random.pick(principals);
    const mark = this.#mark();
    const value = `v${mark}`;
    const at = this.#random.pick(this.#world.nodes);
    const code = `print ${mark}\nset x ${value}`;
    void this.#call(`open ${value} for ${principal}`, at, "execute_code", { code }, principal, (what, told) => {
      this.#book.judge(what, mark, told, undefined);
      if (told.kind !== "done" || !told.isSuccess) return;
      const { session_id: id } = told.answer as { readonly session_id?: unknown };
      const owner = this.#world.nodes.find((node) => String(id).startsWith(`session-${node.id}-`));
      if (typeof id !== "string" || owner === undefined) throw new Error(`${what}: the id ${String(id)}`);
      this.#book.sessions.push({ id, principal, value, owner, over: undefined });
    });
  }

  /** What one node tells, another one may not contradict: the owner of the session comes last. */
  #useEverywhere(session = this.#any()): void {
    if (session === undefined) return;
    const others = this.#world.nodes.filter((node) => node !== session.owner);
    for (const at of [...others, session.owner]) this.#use("get x", session, at);
  }

  #use(source: "get x" | "forever", session = this.#any(), at = this.#random.pick(this.#world.nodes)): void {
    if (session === undefined) return;
    const mark = this.#mark();
    const args = { code: `print ${mark}\n${source}`, session_id: session.id, timeout: this.#random.pick([2, 20]) };
    void this.#call(`${source} in ${session.value}`, at, "execute_code", args, session.principal, (what, told) =>
      this.#book.judge(what, mark, told, session),
    );
  }

  #stopSession(): void {
    const session = this.#any();
    if (session === undefined) return;
    const { id: session_id, principal, value } = session;
    const at = this.#random.pick(this.#world.nodes);
    void this.#call(`stop ${value}`, at, "stop_session", { session_id }, principal, (what, told) => {
      if (told.kind === "failed") this.#book.judge(what, "", told, session);
      if (told.kind !== "done") return;
      const { success, reason } = told.answer as { readonly success?: unknown; readonly reason?: unknown };
      if (success === true)
        session.over = { reason: "stopped", lostEpoch: undefined, atMs: this.#world.net.time.nowMs };
      else if (typeof reason === "string") this.#book.over(what, session, reason);
    });
  }

  #list(): void {
    const principal = this.#random.pick(principals);
    const at = this.#random.pick(this.#world.nodes);
    void this.#call(`list of ${principal}`, at, "get_sessions", {}, principal, (what, told) => {
      if (told.kind === "failed") this.#book.judge(what, "", told, undefined);
      if (told.kind !== "done") return;
      const { sessions } = told.answer as { readonly sessions?: readonly { readonly session_id: string }[] };
      const ids = (sessions ?? []).map(({ session_id }) => session_id);
      if (new Set(ids).size < ids.length) throw new Error(`${what}: one is there twice`);
      const another = this.#book.sessions.find(({ id, principal: its }) => its !== principal && ids.includes(id));
      if (another !== undefined) throw new Error(`${what}: tells ${another.value} of another`);
    });
  }

  #cancel(): void {
    const [pending] = this.#pending;
    pending?.cancel.abort(new Unheard("canceled"));
  }

  #disturbBoots(): void {
    const { life } = this.#random.pick(this.#world.nodes);
    const host = life?.process.host;
    this.#random.pick([() => host?.holdBoots(), () => host?.releaseBoots(), () => host?.failNextBoot()])();
  }

  async #disturb(): Promise<void> {
    const { net, registry, nodes, book, operator } = this.#world;
    const random = this.#random;
    const node = random.pick(nodes);
    const other = random.pick(nodes);
    const ofProcesses: (readonly [string, () => Promise<void> | void])[] = [
      ["kill", () => node.kill()],
      ["kill and start", () => this.#restart(node)],
      ["kill and start in a call", () => this.#restartInCall()],
      ["SIGTERM", () => void node.stop()],
      ["SIGSTOP", () => node.setStopped(true)],
      ["drain", () => void operator.requestDrain(node.id, true).catch(() => undefined)],
      ["the clock is set", () => node.life?.clock.setForward(random.pick([-60_000, 60_000]))],
    ];
    const ofPeers: typeof ofProcesses = [["cut from a peer", () => net.cut(node.host, other.host)]];
    const ofRegistry: typeof ofProcesses = [
      ["cut from the registry", () => net.cut(node.host, registryHost)],
      ["cut from all", () => this.#cutFromAll(node)],
      ["cut from all for longer than its lease", () => this.#cutOffOwner()],
      ["the registry stands still", () => registry.pause()],
      ["the registry is flushed", () => (registry.isDisturbed ? undefined : this.#world.empty(() => registry.flush()))],
      ["the registry is killed", () => this.#world.empty(() => registry.kill())],
    ];
    const all = { fair: [], processes: ofProcesses, peers: ofPeers, registry: ofRegistry };
    const chosen = this.#weather === "all" ? [...ofProcesses, ...ofPeers, ...ofRegistry] : all[this.#weather];
    const [what, act] = random.pick(chosen);
    this.#say(`${what}: ${node.name}`);
    book.count(what);
    await act();
  }

  /** What was on its way when it died is not carried out by its next process. */
  async #restartInCall(): Promise<void> {
    const session = this.#any();
    if (session === undefined) return;
    this.#use("forever", session, this.#random.pick(this.#world.nodes.filter((node) => node !== session.owner)));
    await this.#world.net.time.pass(this.#random.pick([200, 1000]));
    this.#restart(session.owner);
  }

  /** Just before and after the others tell its sessions lost. */
  async #cutOffOwner(): Promise<void> {
    const session = this.#any();
    if (session === undefined) return;
    this.#cutFromAll(session.owner);
    await this.#world.net.time.pass(12_000);
    for (let asked = 0; asked < 10; asked++) {
      this.#useEverywhere(session);
      await this.#world.net.time.pass(1100);
    }
  }

  #cutFromAll(node: ModelNode): void {
    const { net, nodes } = this.#world;
    for (const host of [registryHost, ...nodes.map(({ host }) => host)]) net.cut(node.host, host);
  }

  #restart(node: ModelNode): void {
    node.kill();
    this.#world.start(node);
  }

  #mend(): void {
    const { net, registry, nodes, operator } = this.#world;
    const random = this.#random;
    const node = random.pick(nodes);
    const [what, act] = random.pick<readonly [string, () => void]>([
      ["start", () => this.#world.start(node)],
      ["start", () => this.#world.start(node)],
      ["SIGCONT", () => node.setStopped(false)],
      ["ways", () => this.#mendWays(net.cuts.filter(() => random.below(2) === 0))],
      ["the registry", () => (random.below(2) === 0 ? registry.resume() : registry.start())],
      ["drain", () => void operator.requestDrain(node.id, false).catch(() => undefined)],
    ]);
    this.#say(`mend ${what}: ${node.name}`);
    act();
  }

  #mendWays(cuts: readonly string[]): void {
    const { net, registry, nodes } = this.#world;
    for (const cut of cuts) {
      const [one = "", other = ""] = cut.split(" ");
      net.mend(one, other);
      const place = nodes.find(({ host }) => host === one)?.life?.place;
      if (other === registryHost && place !== undefined) registry.isBackFor(place);
    }
  }

  /** All disturbances end, and so does what is under way; then all is as if nothing had been. */
  async #rest(): Promise<void> {
    const { net, registry, nodes } = this.#world;
    this.#say("rest");
    this.#mendWays(net.cuts);
    registry.resume();
    registry.start();
    for (const node of nodes) {
      node.setStopped(false);
      node.life?.process.host.releaseBoots();
    }
    for (const { cancel } of this.#pending) cancel.abort(new Unheard("canceled"));
    await this.#world.rest();
    for (const { what } of this.#pending) throw new Error(`${what} has no answer`);
    this.#check();
    await checkRest(this.#world, (what, at, session) => this.#ask(what, at, session));
    this.#check();
  }

  /** A call of a session, to its end. */
  async #ask(what: string, at: ModelNode, session: Session): Promise<Told> {
    const mark = this.#mark();
    let answered: Told | undefined;
    const args = { code: `print ${mark}\nget x`, session_id: session.id };
    void this.#call(what, at, "execute_code", args, session.principal, (_, told) => {
      this.#book.judge(what, mark, told, session);
      answered = told;
    });
    for (let passed = 0; passed < 40 && answered === undefined; passed++) {
      await this.#world.net.time.pass(passed === 0 ? 0 : 1000);
    }
    if (answered === undefined) throw new Error(`${what} at ${at.name} has no answer`);
    return answered;
  }

  async #call(
    what: string,
    at: ModelNode,
    name: string,
    args: object,
    principal: string,
    hear: (what: string, told: Told) => void,
  ): Promise<void> {
    const shown = `${what} at ${at.name}`;
    this.#say(shown);
    const cancel = new AbortController();
    const pending = { what: shown, cancel };
    this.#pending.add(pending);
    const { nowMs } = this.#world.net.time;
    const told = await this.#answer(at, name, args, principal, cancel.signal).then(toldOf, toldOfError);
    this.#pending.delete(pending);
    const short = told.kind === "failed" ? `${told.code} ${told.message.slice(0, 160)}` : told.kind;
    this.#say(`    ${shown}: after ${this.#world.net.time.nowMs - nowMs} ms: ${short}`);
    try {
      hear(shown, told);
    } catch (error) {
      this.#book.wrong(String(error));
    }
  }

  async #answer(at: ModelNode, name: string, args: object, principal: string, signal: AbortSignal) {
    const { life } = at;
    if (life === undefined || at.isEnding) throw new Unheard("refused");
    const { place, seat } = life;
    const gone = new Promise<never>((_, reject) => {
      place.gone.addEventListener("abort", () => reject(new Unheard("gone")), { once: true });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const context: CallContext = {
      ...{ principal, audience: "program", takesLinks: false, signal, requestId: "walk", mayBecomeTask: false },
      ...{ account: { spentMs: null, failure: undefined }, progress: () => undefined },
    };
    const answered = async () => {
      await this.#world.net.running(place);
      try {
        return await seat.tools.call(name, args, context);
      } finally {
        await this.#world.net.running(place);
      }
    };
    const answer = answered();
    answer.catch(() => undefined);
    return await Promise.race([answer, gone]);
  }

  #check(): void {
    checkLimits(this.#world);
    const [problem] = this.#book.problems;
    if (problem !== undefined) throw new Error(problem);
  }

  #any(): Session | undefined {
    const { sessions } = this.#book;
    const open = sessions.filter(({ over }) => over === undefined);
    const among = open.length > 0 && this.#random.next() < 0.8 ? open : sessions.slice(-12);
    return among.length === 0 ? undefined : this.#random.pick(among);
  }

  #mark(): string {
    this.#marks += 1;
    const mark = `m${this.#marks}`;
    this.#book.asked(mark);
    return mark;
  }

  #say(what: string): void {
    const { nowMs } = this.#world.net.time;
    this.#trace.push(`${((nowMs - this.#world.beganMs) / 1000).toFixed(1)} ${what}`);
    if (this.#trace.length > 400) this.#trace.splice(0, 200);
  }
}
