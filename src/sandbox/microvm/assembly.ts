// From a machine that runs to a sandbox that runs programs: the link, and the interpreter behind it, started or found again.

import type { Sandbox as Machine } from "microsandbox";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import { fileAgentArgv, fileAgentPrograms } from "../file-agent/programs.ts";
import { Gone } from "../linked/gone.ts";
import { asGuestProcess, createSpawn } from "../linked/guest-process.ts";
import type { ProgramEnd } from "../linked/link.ts";
import { LinkedSandbox } from "../linked/sandbox.ts";
import { installerEnv } from "../packages.ts";
import type { SandboxSpec } from "../port.ts";
import { anyShell } from "../runner/bash/program.ts";
import { runnerPrograms } from "../runner/programs.ts";
import { type InterpreterOptions, resumeInterpreter, startInterpreter } from "../runner/runner.ts";
import { commonLanguages, imageName, type Language } from "../templates.ts";
import { notFound } from "./guest/exit.ts";
import { guestPrograms, pipesFolder } from "./guest/programs.ts";
import { MicrovmLink } from "./link.ts";

export type Assembling = {
  readonly machine: Machine;
  readonly spec: SandboxSpec;
  /** As of InterpreterOptions. */
  readonly volumes: readonly string[];
  /** `resume`: the interpreter of an earlier process goes on. */
  readonly how: "start" | "resume";
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What is known of a machine that cannot be reached any more. */
  readonly whyLost: (otherwise: string) => Promise<Gone>;
  /** Called in the moment in which the sandbox is the host's to end: the signal has not aborted. */
  readonly keep: (made: LinkedSandbox) => void;
  /** Ends the machine; called once the sandbox is disposed of. */
  readonly destroy: (made: LinkedSandbox) => Promise<void>;
};

/** What an image calls them. */
const interpreters: Readonly<Record<Language, string>> = { python: "python3", node: "node", bash: anyShell };

/** Throws Gone, Failure and the signal's reason; the machine then still runs. */
export async function assemble(assembling: Assembling): Promise<LinkedSandbox> {
  const { machine, spec, volumes, how, clock, signal, whyLost, keep, destroy } = assembling;
  const { programs, template } = spec;
  const { image, language } = template;
  const path = programs === undefined ? {} : { PATH: `${programs.folder}:${programs.path}` };
  const env = { ...installerEnv, ...path, ...template.env };
  const { fileName, source } = runnerPrograms[language];
  const runner = { path: `${pipesFolder}/${fileName}`, source };
  let sandbox: LinkedSandbox | null = null;
  const broken: { first: Gone | null } = { first: null };
  let isWithoutInterpreter = false;
  const link: MicrovmLink = new MicrovmLink({
    ...{ machine, interpreter: interpreters[language], runner, clock },
    endMark: `\x1e${machine.name}\x1e`,
    onBroken: (why, cause) => {
      broken.first ??= new Gone(why, { cause });
      if (sandbox === null) link.end();
      else void whyLost(why).then((gone) => sandbox?.lose(gone));
    },
  });
  const onEnd = (end: ProgramEnd) => {
    isWithoutInterpreter ||= end.code === notFound;
    sandbox?.interpreterEnded(end);
  };
  const { onBackground = () => {} } = spec;
  const options: InterpreterOptions = {
    ...{ language, env, clock, interpreter: interpreters[language], program: runner.path, volumes, onBackground },
    spawn: createSpawn(link, onEnd, onBackground),
  };
  const attach = () => asGuestProcess(true, (events) => link.attach(events), onEnd, onBackground);
  try {
    const interpreter =
      how === "start" ? await startInterpreter(options, signal) : await resumeInterpreter(options, attach, signal);
    if (how === "start") link.guard();
    else await link.findCommands(spec.resumes ?? []);
    const made: LinkedSandbox = new LinkedSandbox({
      ...{ name: machine.name, link, interpreter, clock, env },
      fileAgent: fileAgentOf(language),
      interruptsChildren: language === "bash",
      looksAfterCommands: true,
      failureOf: (gone, kind) =>
        new Failure(kind, `The sandbox of this session was lost: ${gone.message}.`, { cause: gone }),
      destroy: () => destroy(made),
    });
    sandbox = made;
    signal.throwIfAborted();
    keep(made);
    return made;
  } catch (error) {
    link.end();
    if (isWithoutInterpreter) throw noInterpreter(imageName(image), interpreters[language], error);
    // What was first in trouble says more to the log than what noticed it then.
    throw broken.first === null ? error : new Gone(broken.first.message, { cause: broken.first.cause ?? error });
  }
}

/** Of bash's, which reaches no files, the first that the image has. */
function fileAgentOf(language: Language): readonly string[] {
  const able = language === "bash" ? commonLanguages : [language];
  const choices = able.flatMap((one) => {
    const { fileName, source } = fileAgentPrograms[one];
    const path = `${pipesFolder}/${fileName}`;
    return [path, source, fileAgentArgv(one, interpreters[one], path).join(" ")];
  });
  return [...guestPrograms.tool, ...choices];
}

function noInterpreter(image: string, interpreter: string, cause: unknown): Failure {
  const what = `The image ${image} has no program ${interpreter} that could be started, or no /bin/sh to start it with.`;
  const advice = [`Ask the operator to give the template an image with ${interpreter}, or another language.`];
  return new Failure("configuration", what, { advice, cause });
}
