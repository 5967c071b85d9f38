// Takes the contenders' turns: in each round each gets the same load for the same time, so that a machine that slows down slows all of them.

import { join } from "node:path";
import type { Load, LoadResult } from "./load.ts";
import { lookAtMachine, processorMs, tellNoise } from "./machine.ts";
import type { Way } from "./ways.ts";

export type Contender = {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly way: Way;
};

export type RoundOptions = {
  readonly rounds: number;
  readonly connections: number;
  /** A turn ends with whichever comes first: a number of calls, so that a busy machine does not leave a program half compiled. */
  readonly calls: number;
  readonly seconds: number;
};

export type Measured = {
  readonly name: string;
  /** One of each round. */
  readonly perSecond: readonly number[];
  /** Milliseconds of processor time of the server for 1,000 calls, one of each round. Empty where it cannot be measured. */
  readonly cpuMs: readonly number[];
  readonly answerBytes: number;
};

/** After which Bun's compilers have nothing left to do, as a rule. */
const warmUpCalls = 50_000;

type Turn = { readonly perSecond: number; readonly cpuMs: number | undefined; readonly answerBytes: number };

export async function takeTurns(
  contenders: readonly Contender[],
  options: RoundOptions,
): Promise<{ readonly measured: readonly Measured[]; readonly noise: string }> {
  const turns = contenders.map((): Turn[] => []);
  // Compilers that compile while a program runs have done so before the first round.
  for (const contender of contenders) await takeTurn(contender, { ...options, calls: warmUpCalls });
  const before = lookAtMachine();
  let ownMs = 0;
  for (let round = 0; round < options.rounds; round++) {
    for (const [at, contender] of contenders.entries()) {
      const { turn, usedMs } = await takeTurn(contender, options);
      turns[at]?.push(turn);
      ownMs += usedMs;
    }
  }
  const noise = tellNoise(before, lookAtMachine(), ownMs);
  return { measured: contenders.map(({ name }, at) => summarize(name, turns[at] ?? [])), noise };
}

async function takeTurn({ name, url, pid, way }: Contender, { seconds, calls, connections }: RoundOptions) {
  const load: Load = { url, headers: way.headers, body: way.body, connections, seconds, calls, expect: '"content"' };
  const beforeMs = processorMs(pid);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "load.ts"), JSON.stringify(load)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const result = JSON.parse(await child.stdout.text()) as LoadResult;
  await child.exited;
  if (result.wrong > 0) {
    throw new Error(
      `${name}: ${result.wrong} of ${result.requests} answers were wrong, as this one: ${result.wrongAnswer}`,
    );
  }
  const afterMs = processorMs(pid);
  const serverMs = beforeMs === undefined || afterMs === undefined ? undefined : afterMs - beforeMs;
  const loadMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
  const turn: Turn = {
    perSecond: result.requests / result.seconds,
    cpuMs: serverMs === undefined ? undefined : (1000 * serverMs) / result.requests,
    answerBytes: result.answerBytes,
  };
  return { turn, usedMs: loadMs + (serverMs ?? 0) };
}

function summarize(name: string, turns: readonly Turn[]): Measured {
  return {
    name,
    perSecond: turns.map(({ perSecond }) => perSecond),
    cpuMs: turns.flatMap(({ cpuMs }) => cpuMs ?? []),
    answerBytes: turns[0]?.answerBytes ?? 0,
  };
}
