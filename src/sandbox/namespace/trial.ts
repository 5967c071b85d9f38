// Can this machine make namespace sandboxes? One is made, with an interpreter, and ended; nothing less tells for sure. And the words for
// what is in the way.

import { existsSync } from "node:fs";
import { Failure } from "../../failure.ts";
import type { Resources } from "../flavors.ts";
import type { SandboxHost } from "../port.ts";
import type { Language, Template } from "../templates.ts";
import { findInterpreter } from "./tools.ts";

export type TrialOptions = {
  readonly host: SandboxHost;
  readonly templates: readonly Template[];
  readonly resources: Resources;
};

/**
 * Resolves with what works only in part, a sentence each. Throws Failure `configuration`, with bubblewrap's own words as its cause, where no
 * template can be had.
 */
export async function tryNamespaces(
  { host, templates, resources }: TrialOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const missing = new Map<Language, Failure>();
  for (const { language } of templates) {
    const failure = interpreterProblem(language);
    if (failure !== undefined) missing.set(language, failure);
  }
  const template = templates.find(({ language }) => !missing.has(language));
  if (template === undefined) throw [...missing.values()][0] ?? cannotBoot(undefined);
  try {
    await using _sandbox = await host.create({ sessionId: "trial", template, resources }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Failure && error.kind === "configuration" ? error : cannotBoot(error);
  }
  return [...missing].map(([language, { message }]) => {
    const names = templates.filter((template) => template.language === language).map(({ name }) => name);
    return `Sessions of ${names.join(", ")} cannot start: ${message}`;
  });
}

/** No namespaces can be made here. The message is safe to show to anybody; bubblewrap's own words are in the cause. */
export function cannotBoot(cause: unknown): Failure {
  const [what, ...advice] = isContainer() ? inContainer : onMachine;
  return new Failure("configuration", what, { advice, cause });
}

const onMachine = [
  "This machine does not let bubblewrap make a sandbox.",
  "Unprivileged user namespaces may be switched off: see sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces and " +
    "kernel.apparmor_restrict_unprivileged_userns.",
] as const;

const inContainer = [
  "This container does not let bubblewrap make a sandbox.",
  "Start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined.",
] as const;

/** As Docker and Podman mark them. */
function isContainer(): boolean {
  return existsSync("/.dockerenv") || existsSync("/run/.containerenv");
}

function interpreterProblem(language: Language): Failure | undefined {
  try {
    findInterpreter(language);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
