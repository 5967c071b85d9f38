// All nodes of a cluster are restarted in turn by SIGTERM, under a steady rate of calls to all by turns, as by a balancer that is told before a node is stopped:
// what fails, and what is told lost. With sandboxes that outlive their server and --keep-sessions no session may be lost; with others, only those of the node
// that is stopped, and that is told.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, bareWay, noAnswer } from "../ways.ts";
import { oneHost } from "./network.ts";
import { LoadedNode } from "./node.ts";
import { freePorts } from "./ports.ts";
import { LoadedRegistry } from "./registry.ts";

export type RollOptions = {
  /** What starts msb-mcp. */
  readonly argv: readonly string[];
  /** Sessions are to outlive their server: none may be told lost. */
  readonly keeps: boolean;
  /** The path of redis-server. */
  readonly redis: string;
  readonly nodes: number;
  readonly sessions: number;
  readonly callsASecond: number;
};

export type RollReport = {
  readonly calls: number;
  readonly seconds: number;
  /** Wrong answers, and errors that no restart explains; a line each. */
  readonly wrong: readonly string[];
  /** Calls that were told that the connection to a node broke off or could not be made, or that a command was cut off; a line each. */
  readonly broken: readonly string[];
  /** Calls that were told that the session ended with its server, or that it was the server's end which canceled them. */
  readonly toldLost: number;
  /** Calls that were told that their command goes on, and whose end was right. */
  readonly goneOn: number;
  /** Sorted. */
  readonly callMs: readonly number[];
};

type Session = { readonly id: string; readonly secret: string; steps: number; isLost: boolean };

/** So many at once, on a machine that is too slow for the rate. */
const maxUnderWay = 64;
/** Between a node that is back and the next one's end. Milliseconds. */
const pauseMs = 1_000;
const takenOutMs = 500;
/** What a server that ends tells the calls that it has passed on. */
const canceledByStop = "JSON-RPC -32800";
/** Of the calls, so many run for longer than a server takes to end, and for longer than it waits for commands then. */
const longEvery = 25;

export async function rollUnderCalls(options: RollOptions): Promise<RollReport> {
  const { argv, keeps, redis, nodes: count, sessions: sessionCount } = options;
  const [registryPort = 0, ...nodePorts] = await freePorts(1 + count);
  await using opened = new AsyncDisposableStack();
  const network = oneHost(count);
  const registry = opened.use(await LoadedRegistry.start(redis, network.registry, registryPort));
  const folder = await mkdtemp(join(tmpdir(), "msb-mcp-roll-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const secret = crypto.randomUUID() + crypto.randomUUID();
  const nodes = await Promise.all(
    network.nodes.map(async (spot, index) =>
      opened.use(
        await LoadedNode.start({
          ...{ name: `node ${index + 1}`, argv, spot, port: nodePorts[index] ?? 0 },
          stateDir: join(folder, `node-${index + 1}`),
          maxSessions: sessionCount * 2,
          cluster: { registry: registry.address, name: "rolled", secret },
          flags: keeps ? ["--keep-sessions"] : [],
        }),
      ),
    ),
  );
  const load = new SteadyLoad(options);
  for (const { url } of nodes) load.balanced.add(url);
  await load.open();
  const startedMs = performance.now();
  const ended = new AbortController();
  const calling = load.run(ended.signal);
  for (const node of nodes) {
    await Bun.sleep(pauseMs);
    load.balanced.delete(node.url);
    // What is on its way to it comes to it.
    await Bun.sleep(takenOutMs);
    await node.kill("SIGTERM");
    await node.startAgain();
    load.balanced.add(node.url);
  }
  await Bun.sleep(pauseMs);
  ended.abort();
  await calling;
  await load.settle();
  return { ...load.report, seconds: (performance.now() - startedMs) / 1000 };
}

class SteadyLoad {
  /** URLs of the nodes that are called. */
  readonly balanced = new Set<string>();
  readonly #options: RollOptions;
  readonly #sessions: Session[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #wrong: string[] = [];
  readonly #broken: string[] = [];
  readonly #callMs: number[] = [];
  #calls = 0;
  #toldLost = 0;
  #goneOn = 0;

  constructor(options: RollOptions) {
    this.#options = options;
  }

  get report() {
    const callMs = this.#callMs.toSorted((a, b) => a - b);
    return {
      calls: this.#calls,
      wrong: this.#wrong,
      broken: this.#broken,
      toldLost: this.#toldLost,
      goneOn: this.#goneOn,
      callMs,
    };
  }

  async open(): Promise<void> {
    for (let index = 0; index < this.#options.sessions; index++) this.#sessions.push(await this.#newSession());
  }

  async run(end: AbortSignal): Promise<void> {
    const everyMs = 1000 / this.#options.callsASecond;
    const fromMs = performance.now();
    for (let turn = 0; !end.aborted; turn++) {
      const waitMs = fromMs + turn * everyMs - performance.now();
      if (waitMs > 0) await Bun.sleep(waitMs);
      if (this.#underWay.size >= maxUnderWay) await Promise.race(this.#underWay);
      const call = this.#call(turn).finally(() => this.#underWay.delete(call));
      this.#underWay.add(call);
    }
    await Promise.all(this.#underWay);
  }

  /** No step was left out, none was done twice. */
  async settle(): Promise<void> {
    for (const session of this.#sessions) if (!session.isLost) await this.#step(session);
  }

  async #call(turn: number): Promise<void> {
    const index = turn % this.#sessions.length;
    const session = this.#sessions[index];
    if (session === undefined) return;
    if (session.isLost) {
      this.#sessions[index] = { ...session, isLost: false };
      this.#sessions[index] = await this.#newSession();
      return;
    }
    if (turn % longEvery === 0) return await this.#command(session, "echo begun; sleep 2; cat secret", "begun\n");
    return turn % 2 === 0 ? await this.#command(session, "cat secret", "") : await this.#step(session);
  }

  async #newSession(): Promise<Session> {
    const secret = crypto.randomUUID();
    const code = `steps = 0; _ = open("secret", "w").write("${secret}"); print("ready")`;
    for (;;) {
      const answer = await this.#ask("execute_code", { code });
      if (answer.kind === "result" && answer.content.stdout === "ready\n") {
        return { id: String(answer.content.session_id), secret, steps: 0, isLost: false };
      }
      this.#fail("open", answer);
      await Bun.sleep(100);
    }
  }

  async #step(session: Session): Promise<void> {
    const answer = await this.#ask("execute_code", { code: "steps += 1; print(steps)", session_id: session.id });
    if (!this.#isAnswered("step", answer, session)) return;
    const steps = Number(answer.content.stdout);
    session.steps += 1;
    // Calls of one session overtake each other on their way, and are carried out one after the other.
    if (!(steps >= 1 && Math.abs(steps - session.steps) < maxUnderWay)) this.#fail("step", answer);
  }

  async #command(session: Session, command: string, before: string): Promise<void> {
    let answer = await this.#ask("execute_command", { command, session_id: session.id });
    if (!this.#isAnswered("command", answer, session)) return;
    const { execution_id } = answer.content;
    let text = answer.content.stdout;
    const isLeft = answer.content.status !== "ended";
    while (answer.content.status !== "ended") {
      answer = await this.#ask("get_execution", { execution_id, wait: 5 });
      if (!this.#isAnswered("command that goes on", answer, session)) return;
      text = answer.content.output;
    }
    if (text !== `${before}${session.secret}`) return this.#fail("command", answer);
    if (isLeft) this.#goneOn += 1;
  }

  async #ask(tool: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const askedMs = performance.now();
    const urls = [...this.balanced];
    const answer = await bareWay(`${urls[this.#calls++ % urls.length]}/mcp`).call(tool, args);
    this.#callMs.push(performance.now() - askedMs);
    return answer;
  }

  /** Counts and tells the others. */
  #isAnswered(what: string, answer: Answer, session: Session): answer is Extract<Answer, { kind: "result" }> {
    if (answer.kind === "result" && answer.content.ended !== "canceled") return true;
    const isCanceled = answer.kind === "result";
    const isTold = isCanceled || (answer.code === "SESSION_NOT_FOUND" && /^(lost|shutdown)$/.test(answer.reason));
    if (this.#options.keeps || !isTold) this.#fail(what, answer);
    else this.#toldLost += 1;
    session.isLost = isTold;
    return false;
  }

  #fail(what: string, answer: Answer): void {
    const isBroken =
      answer.kind === "error"
        ? ["CONNECTION_ERROR", canceledByStop, noAnswer].includes(answer.code)
        : answer.content.ended === "failed";
    (isBroken ? this.#broken : this.#wrong).push(`${what}: ${JSON.stringify(answer)}`);
  }
}
