// From a place where a sandbox has been started to one that runs programs: the portal's boot, the courier, the link, the interpreter.

import type { Clock } from "../../clock.ts";
import type { Failure, FailureKind } from "../../failure.ts";
import { fileAgentArgv } from "../file-agent/programs.ts";
import { Gone } from "../linked/gone.ts";
import { createSpawn } from "../linked/guest-process.ts";
import { LinkedSandbox } from "../linked/sandbox.ts";
import type { SandboxSpec } from "../port.ts";
import { anyShell } from "../runner/bash/program.ts";
import { startInterpreter } from "../runner/runner.ts";
import type { Answers } from "./answers.ts";
import { fileAgentPath, runnerPath, waitUntilReady } from "./boot.ts";
import type { Address, Client } from "./client.ts";
import { createCourier } from "./courier.ts";
import { RelayLink } from "./link.ts";
import { heldName } from "./names.ts";

export type AssemblyOptions = {
  readonly client: Client;
  readonly answers: Answers;
  readonly clock: Clock;
  /** How long the server may stay away in mid-run before the sandbox is given up, in milliseconds. */
  readonly patienceMs: number;
  readonly failureOf: (gone: Gone, kind: FailureKind) => Failure;
};

export type Assembling = {
  readonly address: Address;
  readonly spec: SandboxSpec;
  /** As of InterpreterOptions. */
  readonly volumes: readonly string[];
  /** By the monotonic clock: the interpreter is to be ready before. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
  /** Called in the moment in which the sandbox is the host's to end: the signal has not aborted. */
  readonly keep: (made: LinkedSandbox) => void;
  /** Ends what is in the place; called once the sandbox is disposed of. */
  readonly destroy: (made: LinkedSandbox) => Promise<void>;
};

/** Throws CallError, Gone, Failure and the signal's reason; what has been started in the place is then still there. */
export async function assemble(
  { client, answers, clock, patienceMs, failureOf }: AssemblyOptions,
  { address, spec, volumes, untilMs, signal, keep, destroy }: Assembling,
): Promise<LinkedSandbox> {
  const { onBackground = () => {} } = spec;
  const { env } = spec.template;
  const { language } = spec.template;
  // The language that the portal is spoken to in, which also works on files.
  const portal = language === "bash" ? "python" : language;
  const common = { client, address, owner: spec.sessionId, language: portal, answers, clock };
  const booted = await waitUntilReady({ ...common, runner: language, signal, untilMs });
  const over = new AbortController();
  const courier = createCourier({ ...common, signal: over.signal, folder: booted.folder, patienceMs });
  let sandbox: LinkedSandbox | null = null;
  let broken: Gone | null = null;
  const link = new RelayLink({
    ...courier,
    clock,
    onBroken: (error) => {
      broken = error instanceof Gone ? error : new Gone("the link to it broke");
      sandbox?.lose(broken);
    },
  });
  try {
    const interpreter = await startInterpreter(
      {
        spawn: createSpawn(link, (end) => sandbox?.interpreterEnded(end), onBackground),
        onBackground,
        // The relay gathers output for a while, and passes on at once what comes on control-out.
        isControlSooner: true,
        language,
        interpreter: language === "bash" ? anyShell : booted.interpreter,
        program: runnerPath(booted, language),
        env,
        clock,
        volumes,
      },
      signal,
    );
    const made: LinkedSandbox = new LinkedSandbox({
      ...{ name: heldName(address.sandbox, spec.sessionId), link, interpreter, clock, env, failureOf },
      fileAgent: fileAgentArgv(portal, booted.interpreter, fileAgentPath(booted, portal)),
      // Each thing that is asked of the guest is a request to the portal, and so is a command.
      interruptsChildren: language === "bash",
      looksAfterCommands: false,
      destroy: async () => {
        over.abort();
        await destroy(made);
      },
    });
    sandbox = made;
    signal.throwIfAborted();
    keep(made);
    return made;
  } catch (error) {
    link.end();
    over.abort();
    throw broken ?? error;
  }
}
