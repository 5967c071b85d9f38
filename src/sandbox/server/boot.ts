// From a name to a sandbox that answers: starts it, waits until its portal does, and loads courier and relay into it.

import { deflateRawSync } from "node:zlib";
import type { Clock } from "../../clock.ts";
import { fileAgentPrograms } from "../file-agent/programs.ts";
import { Gone } from "../linked/gone.ts";
import { type RunnerProgram, runnerPrograms } from "../runner/programs.ts";
import type { CommonLanguage, Language } from "../templates.ts";
import type { Answers } from "./answers.ts";
import { CallError } from "./call-error.ts";
import type { Address, Client } from "./client.ts";
import { guestPrograms } from "./guest/programs.ts";
import { inquire } from "./inquiry.ts";

export type BootOptions = {
  readonly client: Client;
  readonly address: Address;
  /** The session whose sandbox this is; what answers under the name must be its machine. */
  readonly owner: string;
  /** Of the portal. */
  readonly language: CommonLanguage;
  /** Whose runner is put there. */
  readonly runner: Language;
  readonly answers: Answers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** By when the sandbox has to answer, on the clock's monotonic scale. */
  readonly untilMs: number;
};

export type Booted = {
  /** The folder in the guest that has the relay's, the runner's and the file agent's files. */
  readonly folder: string;
  /** The portal's interpreter in the guest. */
  readonly interpreter: string;
};

/** Bounds one attempt at a portal that may not be there yet. */
const attemptMs = 20_000;

/**
 * Loads courier and relay, which is also the probe for readiness: "started" does not mean that the portal answers (rule 3).
 *
 * Throws CallError or Gone when the time is over or trying is in vain, or the signal's reason.
 */
export async function waitUntilReady(options: BootOptions): Promise<Booted> {
  const { client, address, owner, language, runner, answers, clock, signal } = options;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    const nonce = `msb-${crypto.randomUUID()} `;
    const leftMs = Math.max(1000, Math.min(attemptMs, options.untilMs - clock.monotonicMs()));
    try {
      const timeoutS = Math.ceil(leftMs / 1000);
      const call = { deadlineMs: leftMs + 1000, signal };
      const output = await client.evaluate(address, language, loadLine(language, runner, nonce, owner), timeoutS, call);
      const line = output.find(({ stream, text }) => stream === "stdout" && text.startsWith(nonce));
      const loaded: unknown = line === undefined ? null : JSON.parse(line.text.slice(nonce.length));
      if (answers.loaded.is(loaded)) {
        if (loaded.owner !== owner) throw new Gone("the machine of another session answers under its name");
        return loaded;
      }
      throw new Gone(`its ${language} interpreter could not load what runs executions: ${tail(output)}`);
    } catch (error) {
      if (!(error instanceof CallError) || error.problem === "unauthorized" || error.problem === "forbidden") {
        throw error;
      }
      if (clock.monotonicMs() + pauseMs > options.untilMs) {
        throw error;
      }
      if ((await inquire(client, address, signal)) === "ended") {
        throw new Gone("it ended while it was booting", { cause: error });
      }
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** Where `waitUntilReady` has put the runner. */
export function runnerPath(booted: Booted, language: Language): string {
  return `${booted.folder}/${runnerPrograms[language].fileName}`;
}

/** Where `waitUntilReady` has put the program that works on files. */
export function fileAgentPath(booted: Booted, language: CommonLanguage): string {
  return `${booted.folder}/${fileAgentPrograms[language].fileName}`;
}

/** One physical line that decodes and runs everything (rule 4). */
function loadLine(language: CommonLanguage, runnerLanguage: Language, nonce: string, owner: string): string {
  const runner: RunnerProgram = runnerPrograms[runnerLanguage];
  const { courier, relay } = guestPrograms(language);
  // Deflated, because the portal's Python reads it byte by byte.
  const programs = [runner, fileAgentPrograms[language]].map(({ fileName, source }) => [fileName, source]);
  const files = deflateRawSync(JSON.stringify({ ...relay, ...Object.fromEntries(programs) })).toString("base64");
  if (language === "python") {
    const load = `import base64, json, zlib\n__msb_load("${nonce}", ${JSON.stringify(owner)}, json.loads(zlib.decompress(base64.b64decode("${files}"), -15)))`;
    return `import base64; exec(base64.b64decode("${encode(`${courier}\n${load}\n`)}"))`;
  }
  const load = `__msb_load("${nonce}", ${JSON.stringify(owner)}, JSON.parse(require("node:zlib").inflateRawSync(Buffer.from("${files}", "base64")).toString())); void 0;`;
  return `eval(Buffer.from("${encode(`${courier}\n${load}`)}", "base64").toString())`;
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** What the interpreter said last, for a message: a kilobyte at most. */
function tail(output: readonly { readonly text: string }[]): string {
  return output
    .map(({ text }) => text)
    .join("\n")
    .slice(-1024);
}
