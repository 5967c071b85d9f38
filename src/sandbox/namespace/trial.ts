// Can this machine make namespace sandboxes? One of each kind is made, with its interpreter, and ended; nothing less tells for sure.

import { Failure } from "../../failure.ts";
import type { Resources } from "../flavors.ts";
import type { SandboxHost } from "../port.ts";
import type { Language, Template } from "../templates.ts";
import { NoNamespaces } from "./namespaces.ts";
import { obstaclesIn, readConfinement } from "./obstacles.ts";
import { interpreters } from "./tools.ts";

export type TrialOptions = {
  readonly host: SandboxHost;
  readonly templates: readonly Template[];
  readonly resources: Resources;
};

export type Trial = {
  /** Those of which a sandbox was ready; at least one. */
  readonly offered: readonly Template[];
  readonly refused: readonly { readonly template: Template; readonly failure: Failure }[];
};

/** Sandboxes that are tried at a time. */
const triedAtOnce = 4;

/**
 * Throws Failure `configuration`, with what bubblewrap or the interpreter wrote as its cause, where no template can be had. Rejects with the
 * signal's reason if that aborts.
 */
export async function tryNamespaces(options: TrialOptions, signal: AbortSignal): Promise<Trial> {
  // Templates of the same language, environment and interpreter are the same sandbox here.
  const kindOf = ({ language, env, interpreter }: Template) => JSON.stringify([language, env, interpreter]);
  const kinds = [...Map.groupBy(options.templates, kindOf).values()];
  const offered = new Set<Template>();
  const refused: { readonly template: Template; readonly failure: Failure }[] = [];
  // A start waits for it.
  for (let at = 0; at < kinds.length; at += triedAtOnce) {
    const trying = kinds.slice(at, at + triedAtOnce).map(async (templates, index) => {
      const [first] = templates;
      const failure = first && (await tryOne(first, `trial-${at + index}`, options, signal));
      return templates.map((template) => ({ template, failure }));
    });
    for (const { template, failure } of (await Promise.all(trying)).flat()) {
      if (failure === undefined) offered.add(template);
      else refused.push({ template, failure });
    }
  }
  const [worst] = refused;
  if (offered.size === 0 && worst !== undefined) throw worst.failure;
  return { offered: options.templates.filter((template) => offered.has(template)), refused };
}

async function tryOne(template: Template, sessionId: string, { host, resources }: TrialOptions, signal: AbortSignal) {
  try {
    await using _sandbox = await host.create({ sessionId, template, resources }, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    if (error.kind === "configuration") return error;
    const cause = error.cause ?? error;
    return cause instanceof NoNamespaces ? cannotBoot(cause) : deadInterpreter(template.language, cause);
  }
}

function deadInterpreter(language: Language, cause: unknown): Failure {
  return new Failure("configuration", `The ${language} interpreter of this machine does not start in a sandbox.`, {
    advice: [`Install the whole of it, for example with: apt-get install ${interpreters[language].packageName}.`],
    cause,
  });
}

/** No namespaces can be made here. The message is safe to show to anybody; bubblewrap's own words are in the cause. */
export function cannotBoot(cause: unknown): Failure {
  const { what, advice } = obstaclesIn(readConfinement());
  return new Failure("configuration", what, { advice, cause });
}
