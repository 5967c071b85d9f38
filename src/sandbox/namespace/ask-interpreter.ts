// What an interpreter of this machine says of itself: its version, and where it is really. It runs outside of any sandbox, with nothing in its
// environment but a PATH.

import { Failure } from "../../failure.ts";
import type { Language } from "../templates.ts";
import { guestPath } from "./tools.ts";

export type Told = {
  /** Numbers and dots: 3.11.2. */
  readonly version: string;
  /** The program that runs: what a version manager's script leads to. */
  readonly executable: string;
  /** The folders that it is installed in: of a Python, its own and that of the one whose virtual environment it is. */
  readonly prefixes: readonly string[];
};

/** A start takes a fraction of a second, on a busy machine a few. Milliseconds. */
const limitMs = 30_000;
/** What is kept of an answer. Bytes. */
const limitBytes = 64 * 1024;

/** Written for any version, so that one that is too old can be told with its number. */
const questions: Readonly<Record<Language, readonly string[]>> = {
  python: [
    ...["-E", "-s", "-B", "-c"],
    `import json, sys
names = ("prefix", "exec_prefix", "base_prefix", "base_exec_prefix")
print(json.dumps({
    "version": ".".join(str(number) for number in sys.version_info[:3]),
    "executable": sys.executable,
    "prefixes": [getattr(sys, name) for name in names if hasattr(sys, name)],
}))`,
  ],
  node: [
    "-p",
    "JSON.stringify({ version: process.versions.node, executable: process.execPath, prefixes: [require('path').dirname(require('path').dirname(process.execPath))] })",
  ],
  bash: [
    ...["--norc", "--noprofile", "-c"],
    `printf '{"version": "%s", "executable": "%s", "prefixes": []}' "\${BASH_VERSION%%[!0-9.]*}" "$BASH"`,
  ],
};

/** Throws Failure `configuration` if it does not answer as its language does, or the signal aborts. */
export async function askInterpreter(language: Language, path: string, signal: AbortSignal): Promise<Told> {
  try {
    const child = Bun.spawn([path, ...questions[language]], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { PATH: guestPath }, cwd: "/" },
      ...{ timeout: limitMs, killSignal: "SIGKILL", maxBuffer: limitBytes, detached: true, signal },
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const status = await child.exited;
    const told = status === 0 ? readTold(stdout) : undefined;
    if (told !== undefined) return told;
    throw new Error(
      stderr.trim().slice(0, 2000) || `it ended with status ${status}, and wrote: ${stdout.slice(0, 200)}`,
    );
  } catch (cause) {
    throw noAnswer(language, path, cause);
  }
}

function noAnswer(language: Language, path: string, cause: unknown): Failure {
  return new Failure("configuration", `${path} does not answer as a ${language} interpreter does.`, {
    advice: [
      language === "bash" ? "Install bash anew." : `Name one that runs by itself: --interpreter ${language}=PATH.`,
    ],
    context: { language },
    cause,
  });
}

function readTold(answer: string): Told | undefined {
  try {
    const { version, executable, prefixes } = Object(JSON.parse(answer));
    const isWhole =
      typeof version === "string" &&
      /^\d+(?:\.\d+)*$/.test(version) &&
      typeof executable === "string" &&
      isTexts(prefixes);
    return isWhole ? { version, executable, prefixes } : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
