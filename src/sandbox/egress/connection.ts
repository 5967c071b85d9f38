// One connection of a sandbox to the proxy: what it asks for is read and judged, and then bytes go both ways until either end is done.

import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import { type Answers, connectAnswers, httpAnswer, requestAnswers, socksAnswers, tlsAlert } from "./answers.ts";
import { maxHelloBytes, readHello } from "./client-hello.ts";
import { maxHeadBytes, type Opening, readHttp } from "./opening.ts";
import { type ReachOptions, reach } from "./reach.ts";
import { readBeginning } from "./reading.ts";
import { greetingAnswer, readGreeting, readSocksRequest, socksAnswer, socksVersion } from "./socks.ts";
import { httpsPort, type Refusal, type Target } from "./verdict.ts";

export type ConnectionOptions = ReachOptions & {
  readonly clock: Clock;
  /** Ends it at once. */
  readonly signal: AbortSignal;
  /** Answers with the refusal in words. */
  readonly onRefused: (target: Target | undefined, refusal: Refusal) => string;
  /** Called for each piece that is passed on; how long the next one has to wait, in milliseconds, or null for an end. */
  readonly onBytes: (direction: Direction, bytes: number) => number | null;
  readonly onReached: (target: Target) => void;
};

export type Direction = "sent" | "received";

/** Until a client has said what it wants. Milliseconds. */
const openingMs = 15_000;
/** Without a byte in either direction. Milliseconds. */
const idleMs = 300_000;
/** What a client has to take a refusal, and to stop sending. Milliseconds. */
const partingMs = 1_000;

type Asked = { readonly target: Target; readonly answers: Answers } & (
  | { readonly kind: "tunnel" }
  | { readonly kind: "request"; readonly head: Buffer; readonly bodyBytes: number }
);

/** Resolves once both sides are closed. Never rejects. */
export async function serveConnection(client: Socket, options: ConnectionOptions): Promise<void> {
  const { signal, clock } = options;
  const closed = new AbortController();
  const over = AbortSignal.any([signal, closed.signal]);
  client.on("error", () => client.destroy());
  client.once("close", () => closed.abort());
  const end = () => client.destroy();
  over.addEventListener("abort", end, { once: true });
  try {
    const asked = await readAsked(client, options, over);
    if (asked !== undefined) await passOn(client, asked, options, over);
    else await part(client, clock, over);
  } catch {
    // The client has left, took too long, or the sandbox ends.
  } finally {
    client.destroy();
    over.removeEventListener("abort", end);
  }
}

/** Undefined if there is nothing to pass on: the client has been told. */
async function readAsked(client: Socket, options: ConnectionOptions, over: AbortSignal): Promise<Asked | undefined> {
  const late = new AbortController();
  const done = new AbortController();
  options.clock.sleep(openingMs, AbortSignal.any([over, done.signal])).then(
    () => late.abort(new Error("the client took too long to say what it wants")),
    () => undefined,
  );
  const bounds = { maxBytes: maxHeadBytes, signal: AbortSignal.any([over, late.signal]) };
  try {
    const first = await readBeginning(client, (bytes) => ({ value: bytes[0], used: 0 }), bounds);
    if (first === socksVersion) return await readSocks(client, options, bounds);
    const opening = await readBeginning(client, readHttp, bounds);
    return opening === undefined ? undefined : fromHttp(client, opening, options);
  } finally {
    done.abort();
  }
}

function fromHttp(client: Socket, opening: Opening, { onRefused }: ConnectionOptions): Asked | undefined {
  switch (opening.kind) {
    case "connect":
      return { kind: "tunnel", target: opening.target, answers: connectAnswers };
    case "request":
      return { ...opening, answers: requestAnswers };
    case "malformed": {
      const text = onRefused(undefined, {
        rule: "protocol",
        why: `that is no request that it can judge: ${opening.why}`,
      });
      client.end(httpAnswer(opening.status, "Refused by the proxy of this sandbox", text));
      return undefined;
    }
  }
}

async function readSocks(
  client: Socket,
  { onRefused }: ConnectionOptions,
  bounds: Parameters<typeof readBeginning>[2],
): Promise<Asked | undefined> {
  const isTaken = await readBeginning(client, readGreeting, bounds);
  if (isTaken === undefined) return undefined;
  client.write(greetingAnswer(isTaken));
  const target = isTaken ? await readBeginning(client, readSocksRequest, bounds) : undefined;
  if (target === undefined) return undefined;
  if (typeof target !== "string") return { kind: "tunnel", target, answers: socksAnswers };
  onRefused(undefined, { rule: "protocol", why: "of SOCKS 5, it takes connections to names and addresses" });
  client.end(socksAnswer(target));
  return undefined;
}

async function passOn(client: Socket, asked: Asked, options: ConnectionOptions, over: AbortSignal): Promise<void> {
  const { target, answers } = asked;
  const { judge, clock, onRefused } = options;
  const verdict = judge.judge(target);
  const reached = verdict.kind === "refused" ? verdict : await reach(verdict, target.port, options, over);
  if (reached.kind === "refused") {
    client.end(answers.refused(onRefused(target, reached.refusal)));
    return await part(client, clock, over);
  }
  if (reached.kind === "failed") {
    client.end(answers.failed(`${target.host}:${target.port} is not reached: ${reached.why}.`));
    return await part(client, clock, over);
  }
  const host = reached.socket;
  const end = () => host.destroy();
  over.addEventListener("abort", end, { once: true });
  try {
    options.onReached(target);
    if (answers.reached !== undefined) client.write(answers.reached);
    const name = verdict.kind === "name" && verdict.isNamed ? verdict.name : undefined;
    await relay(client, host, { ...options, asked, name }, over);
  } finally {
    host.destroy();
    over.removeEventListener("abort", end);
  }
}

async function relay(
  client: Socket,
  host: Socket,
  options: ConnectionOptions & { readonly asked: Asked; readonly name: string | undefined },
  over: AbortSignal,
): Promise<void> {
  const { asked, name, clock, onRefused, onBytes } = options;
  const closed = Promise.all([closeOf(client), closeOf(host)]);
  const idle = new AbortController();
  let lastMs = clock.monotonicMs();
  const moved = (direction: Direction) => (bytes: number) => {
    lastMs = clock.monotonicMs();
    return onBytes(direction, bytes);
  };
  const pumping = { clock, signal: AbortSignal.any([over, idle.signal]) };
  const watchIdle = async () => {
    for (let restMs = idleMs; restMs > 0; restMs = idleMs - (clock.monotonicMs() - lastMs)) {
      await clock.sleep(restMs, pumping.signal);
    }
    client.destroy();
    host.destroy();
  };
  watchIdle().catch(() => undefined);
  try {
    pump(host, client, { ...pumping, onBytes: moved("received") });
    if (asked.kind === "request") {
      host.write(asked.head);
      pump(client, host, { ...pumping, onBytes: moved("sent"), bytes: asked.bodyBytes });
    } else {
      const refusal = name === undefined ? undefined : await wrongHello(client, asked.target, name, pumping.signal);
      if (refusal !== undefined) {
        onRefused(asked.target, refusal);
        host.destroy();
        client.end(tlsAlert);
        return await part(client, clock, over);
      }
      pump(client, host, { ...pumping, onBytes: moved("sent") });
    }
    await closed;
  } finally {
    idle.abort();
  }
}

/** Holds back what a client says first, until it is known for which host it is; a host that speaks first is heard meanwhile. */
async function wrongHello(
  client: Socket,
  { port }: Target,
  name: string,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const hello = await readBeginning(client, readHello, { maxBytes: 2 * maxHelloBytes, signal });
  if (hello === undefined) return undefined;
  switch (hello.kind) {
    case "broken":
      return { rule: "protocol", why: "a TLS connection has to say for which host it is" };
    case "other":
      return port === httpsPort ? { rule: "protocol", why: `on port ${httpsPort} it allows TLS` } : undefined;
    case "tls":
      if (hello.isEncrypted) return { rule: "tls_name", why: "TLS with an encrypted host name (ECH) cannot be judged" };
      if (hello.name === name) return undefined;
      return { rule: "tls_name", why: `the TLS connection is for ${hello.name === undefined ? "no" : "another"} name` };
  }
}

type PumpOptions = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => number | null;
  /** So many, and what comes behind is dropped. Undefined: all, and the end. */
  readonly bytes?: number;
};

/** At the pace of the slower side. The end of `from` is passed on; a side that breaks takes the other with it. */
function pump(from: Socket, to: Socket, { clock, signal, onBytes, bytes }: PumpOptions): void {
  let left = bytes ?? Number.POSITIVE_INFINITY;
  let isWaiting = false;
  const resume = () => {
    if (!isWaiting) from.resume();
  };
  from.on("data", (piece: Buffer) => {
    const passed = piece.length > left ? piece.subarray(0, left) : piece;
    left -= passed.length;
    if (passed.length === 0) return;
    const isTaken = to.write(passed);
    const waitMs = onBytes(passed.length);
    if (waitMs === null) {
      from.destroy();
      to.destroy();
      return;
    }
    if (!isTaken) from.pause();
    if (waitMs === 0) return;
    isWaiting = true;
    from.pause();
    const go = () => {
      isWaiting = false;
      if (!to.writableNeedDrain) from.resume();
    };
    clock.sleep(waitMs, signal).then(go, () => undefined);
  });
  to.on("drain", resume);
  from.on("end", () => {
    if (bytes === undefined) to.end();
  });
  from.on("close", () => {
    if (!from.readableEnded) to.destroy();
  });
  // What has been read from it before may have stopped it.
  from.resume();
}

/** Until the other side has closed as well, or has had its time: what it still sends is dropped. */
async function part(client: Socket, clock: Clock, over: AbortSignal): Promise<void> {
  client.end();
  client.resume();
  const done = new AbortController();
  const late = clock.sleep(partingMs, AbortSignal.any([over, done.signal])).catch(() => undefined);
  await Promise.race([closeOf(client), late]);
  done.abort();
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}
