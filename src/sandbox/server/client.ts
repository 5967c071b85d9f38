// The server's HTTP API as typed calls: one deadline on each, few of a kind at once, answers bounded and checked. Repeats nothing and
// knows nothing of what the calls are for.

import type { Clock } from "../../clock.ts";
import type { Answers, Check, Metrics, OutputLine } from "./answers.ts";
import { CallError } from "./call-error.ts";
import { Gate } from "./gate.ts";
import { Pace } from "./pace.ts";

export type ClientOptions = {
  /** Base URL. Credentials in it become Basic authorization where there is no key. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly answers: Answers;
  readonly clock: Clock;
};

export type Address = { readonly namespace: string; readonly sandbox: string };

export type CallOptions = {
  /** From when the call is sent. */
  readonly deadlineMs: number;
  /** Gives up at once, with the signal's reason. The server drops what it was asked for, whatever it was at. */
  readonly signal?: AbortSignal | undefined;
};

/** A call that is not hung up on when its deadline has passed: the server would drop it, and what it asks for would not happen. */
export type StandingOptions = {
  /** Called once, when the call is no longer out: it was answered, broke, or was hung up on after all. */
  readonly onSettled?: (() => void) | undefined;
};

export type Client = {
  /** The base URL without credentials, for messages. */
  readonly shownUrl: string;
  health(options: CallOptions): Promise<void>;
  start(address: Address, config: object, options: CallOptions): Promise<void>;
  /** Rejects with `timeout` after a deadline that grows with what was seen; the call stays out for longer (`hangUpMs`). */
  stop(address: Address, options?: StandingOptions): Promise<void>;
  /** Without a deadline it has one that grows with what was seen, and waits for its turn. */
  metrics(
    address: { readonly namespace: string; readonly sandbox: string | null },
    options: Partial<CallOptions>,
  ): Promise<Metrics>;
  /** `timeoutS` is the portal's own limit: after it the interpreter is of no use any more. */
  evaluate(
    address: Address,
    language: string,
    code: string,
    timeoutS: number,
    options: CallOptions,
  ): Promise<readonly OutputLine[]>;
  command(address: Address, argv: readonly string[], timeoutS: number, options: CallOptions): Promise<number>;
};

/** Bounds one answer, in bytes: a page of the relay is below a megabyte, and `metrics.get` of a crowded server well below this. */
const answerLimitBytes = 8 * 1024 * 1024;

/** How many are out at once. The server has the processors of one machine, and other clients. */
const stopsAtOnce = 8;
const inquiriesAtOnce = 8;
/** Deadlines of stops and inquiries, at least and at most. Milliseconds. */
const stopMs = { least: 30_000, most: 300_000 };
const inquiryMs = { least: 30_000, most: 120_000 };
/** When a stop that was not answered is hung up on after all: it has been lost, not delayed. Milliseconds. */
const hangUpMs = 600_000;

/** Every method of the client throws CallError, or the signal's reason. */
export function createClient(options: ClientOptions): Client {
  const { answers, clock } = options;
  const base = new URL(options.url);
  const basic = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  base.username = "";
  base.password = "";
  const root = base.href.replace(/\/+$/, "");
  const headers: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
  if (options.apiKey !== null) {
    headers.authorization = `Bearer ${options.apiKey}`;
  } else if (basic !== ":") {
    headers.authorization = `Basic ${Buffer.from(basic).toString("base64")}`;
  }
  const stops = { gate: new Gate(stopsAtOnce), pace: new Pace(stopMs.least, stopMs.most) };
  const inquiries = { gate: new Gate(inquiriesAtOnce), pace: new Pace(inquiryMs.least, inquiryMs.most) };
  let lastId = 0;

  async function rpc<T>(method: string, params: object, check: Check<T>, call: Exchange): Promise<T> {
    lastId += 1;
    const body = JSON.stringify({ jsonrpc: "2.0", method, params, id: lastId });
    const { status, text } = await exchange(method, `${root}/api/v1/rpc`, { method: "POST", headers, body }, call);
    if (status !== 200) {
      throw refusal(method, status, text);
    }
    const answer = parseJson(method, text);
    if (!answers.rpcResult.is(answer)) {
      throw malformed(method, `${answers.rpcResult.name} was expected`);
    }
    if (!check.is(answer.result)) {
      throw malformed(method, `${check.name} has ${check.firstProblem(answer.result)}`);
    }
    return answer.result;
  }

  async function exchange(method: string, url: string, init: RequestInit, call: Exchange) {
    const { deadlineMs, signal, hangUpAfterMs = deadlineMs, onSettled } = call;
    const settled = new AbortController();
    const request = new AbortController();
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    const late = new CallError(`no answer within ${deadlineMs} ms`, { problem: "timeout", method });
    const after = (ms: number, act: () => void) => clock.sleep(ms, settled.signal).then(act, () => {});
    const onAbort = () => {
      request.abort(signal?.reason);
      leave(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    void after(deadlineMs, () => leave(late));
    void after(hangUpAfterMs, () => request.abort(late));
    const answer = send(method, url, init, request.signal).finally(() => {
      settled.abort();
      signal?.removeEventListener("abort", onAbort);
      onSettled?.();
    });
    return await Promise.race([left, answer]);
  }

  /** Rejects with the signal's reason when that aborts. */
  async function send(method: string, url: string, init: RequestInit, signal: AbortSignal) {
    try {
      signal.throwIfAborted();
      const response = await fetch(url, { ...init, signal, redirect: "error" });
      return { status: response.status, text: await boundedText(method, response) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CallError) {
        throw error;
      }
      const unsent = error instanceof Error && "code" in error && error.code === "ConnectionRefused";
      const detail = unsent ? "the connection is refused" : "the connection could not be made or broke";
      throw new CallError(detail, { problem: "unreachable", method, unsent, cause: error });
    }
  }

  async function stop(address: Address, { onSettled }: StandingOptions = {}): Promise<void> {
    const { gate, pace } = stops;
    const leave = await gate.enter();
    const sentMs = clock.monotonicMs();
    const call = {
      deadlineMs: pace.deadlineMs,
      hangUpAfterMs: hangUpMs,
      onSettled: () => {
        pace.saw(clock.monotonicMs() - sentMs);
        leave();
        onSettled?.();
      },
    };
    await rpc("sandbox.stop", address, answers.stopped, call);
  }

  async function inquire(address: object, { signal }: Partial<CallOptions>): Promise<Metrics> {
    const { gate, pace } = inquiries;
    const leave = await gate.enter(signal);
    const sentMs = clock.monotonicMs();
    try {
      return await rpc("sandbox.metrics.get", address, answers.metrics, { deadlineMs: pace.deadlineMs, signal });
    } finally {
      pace.saw(clock.monotonicMs() - sentMs);
      leave();
    }
  }

  function refusal(method: string, status: number, text: string): CallError {
    let body: unknown = null;
    try {
      body = JSON.parse(text);
    } catch {
      // Some refusals are plain text (reference section 5, shape 3).
    }
    const known = answers.serverError.is(body) ? body : null;
    const said = typeof known?.error === "object" ? known.error.message : known?.error;
    const code = typeof known?.error === "object" ? known.error.code : known?.code;
    const detail = `HTTP ${status}${said === undefined ? "" : `, ${said.slice(0, 200)}`}`;
    return new CallError(detail, { problem: problemOf(status), method, code: code ?? null });
  }

  return {
    shownUrl: root,
    health: async (call) => {
      const { status, text } = await exchange("health", `${root}/api/v1/health`, { headers }, call);
      if (status !== 200) {
        throw refusal("health", status, text);
      }
    },
    start: async (address, config, call) => {
      await rpc("sandbox.start", { ...address, config }, answers.started, call);
    },
    stop,
    metrics: (address, { deadlineMs, signal }) =>
      deadlineMs === undefined
        ? inquire(address, { signal })
        : rpc("sandbox.metrics.get", address, answers.metrics, { deadlineMs, signal }),
    evaluate: async (address, language, code, timeoutS, call) => {
      const params = { ...address, language, code, timeout: timeoutS };
      return (await rpc("sandbox.repl.run", params, answers.evaluated, call)).output;
    },
    command: async (address, [command, ...args], timeoutS, call) => {
      const params = { ...address, command, args, timeout: timeoutS };
      return (await rpc("sandbox.command.run", params, answers.commanded, call)).exit_code;
    },
  };
}

/** `hangUpAfterMs`: when the request is hung up on; at its deadline by default. */
type Exchange = CallOptions & StandingOptions & { readonly hangUpAfterMs?: number };

function problemOf(status: number): CallError["problem"] {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status >= 500) return "internal";
  return status >= 400 ? "rejected" : "malformed";
}

function parseJson(method: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(method, "it is not JSON", error);
  }
}

function malformed(method: string, detail: string, cause?: unknown): CallError {
  return new CallError(detail, { problem: "malformed", method, cause });
}

async function boundedText(method: string, response: Response): Promise<string> {
  const announced = response.headers.get("content-length");
  if (announced !== null && Number(announced) <= answerLimitBytes) {
    return await response.text();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > answerLimitBytes) {
      throw malformed(method, `it is longer than ${answerLimitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
