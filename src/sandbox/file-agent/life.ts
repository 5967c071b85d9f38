// The life of the program that works on a sandbox's files: one at most, started when it is needed, ended when it has not been for a while.

import { type Clock, within } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import { Agent, AgentLost, notThere, type StartAgent } from "./agent.ts";

const idleMs = 10_000;
/** How long one has to end when it has nothing more to do. */
const closeMs = 2000;
const patienceMs = 2000;

export type LifeOptions = {
  readonly start: StartAgent;
  readonly clock: Clock;
  /** What is thrown once the sandbox is no more. */
  readonly lost: () => Failure | null;
  /** Called when it is needed; what is returned is disposed when it is not any more. */
  readonly whileUsed?: () => Disposable;
};

export class AgentLife {
  readonly #options: LifeOptions;
  #agent: Agent | null = null;
  #uses = 0;
  #idle: AbortController | null = null;
  #hasEnded = false;

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  /** It is there, and stays until what is returned is called, unless somebody ends it. Throws Failure `code_execution`. */
  hold(): { readonly agent: Agent; readonly release: () => void } {
    this.#idle?.abort();
    const agent = this.#current();
    this.#uses++;
    const use = this.#options.whileUsed?.();
    let isHeld = true;
    return {
      agent,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#uses--;
        use?.[Symbol.dispose]();
        if (this.#uses === 0 && !this.#hasEnded) void this.#endWhenIdle();
      },
    };
  }

  /** With one that is there; once more with another, if that is lost and `repeat`. Throws Failure `code_execution`. */
  async use<T>(repeat: boolean, work: (agent: Agent) => Promise<T>): Promise<T> {
    const { agent, release } = this.hold();
    try {
      return await work(agent);
    } catch (error) {
      if (!(error instanceof AgentLost)) throw error;
      if (!repeat || this.#options.lost() !== null || !error.hadStarted) throw this.failure(error);
    } finally {
      release();
    }
    return await this.use(false, work);
  }

  /** What a caller is told of it. */
  told(error: unknown): unknown {
    return error instanceof AgentLost ? this.failure(error) : error;
  }

  /** No longer than a caller who has left would wait. */
  async patiently(promise: Promise<unknown>): Promise<void> {
    await within(promise, patienceMs, this.#options.clock);
  }

  failure(lost: AgentLost): Failure {
    const sandbox = this.#options.lost();
    if (sandbox !== null) return sandbox;
    if (lost.message === notThere) {
      return new Failure(
        "code_execution",
        `The sandbox's files cannot be reached: ${notThere}, which the program that reaches them requires.`,
        {
          advice: ["Read and write files with execute_command, or use another template."],
          cause: lost,
        },
      );
    }
    if (!lost.hadStarted) {
      return new Failure(
        "code_execution",
        `The program that reaches the sandbox's files could not be started there (${lost.message}): its limit of processes or of memory may be used up.`,
        { advice: ["End processes of the session that are no longer needed, or stop the session."], cause: lost },
      );
    }
    return new Failure(
      "code_execution",
      `The program that reaches the sandbox's files was ended while it worked (${lost.message}): by code in the sandbox, or for want of memory.`,
      { advice: ["Look at what has been done, and try again."], cause: lost },
    );
  }

  /** The sandbox ends. */
  end(): void {
    this.#hasEnded = true;
    this.#idle?.abort();
    this.#agent?.kill();
  }

  #current(): Agent {
    const { start, clock, lost } = this.#options;
    const sandbox = lost();
    if (sandbox !== null) throw sandbox;
    if (this.#agent !== null && !this.#agent.isLost) return this.#agent;
    try {
      const agent = new Agent(start, clock);
      this.#agent = agent;
      return agent;
    } catch (cause) {
      throw this.failure(new AgentLost(cause instanceof Error ? cause.message : String(cause), false));
    }
  }

  async #endWhenIdle(): Promise<void> {
    const { clock } = this.#options;
    const agent = this.#agent;
    const idle = new AbortController();
    this.#idle = idle;
    try {
      await clock.sleep(idleMs, idle.signal);
    } catch {
      return;
    }
    if (agent === null || this.#agent !== agent) return;
    this.#agent = null;
    agent.close();
    const ended = new AbortController();
    void agent.ended.then(() => ended.abort());
    const isSlow = await clock.sleep(closeMs, ended.signal).then(
      () => true,
      () => false,
    );
    if (isSlow) agent.kill();
  }
}
