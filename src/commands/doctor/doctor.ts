// `msb-mcp doctor`: what this machine can run and what is missing, by trying. Changes nothing but to make the state directory, to
// unpack the runtime and to remember a boot, as a start does.

import type { Clock } from "../../clock.ts";
import type { Config, OptionName } from "../../config/options.ts";
import { Failure } from "../../failure.ts";
import { isLoopback } from "../../http/authority.ts";
import { checkCloudKey } from "../../sandbox/checks/cloud.ts";
import { type CheckName, type Finding, lineOf, missing } from "../../sandbox/checks/finding.ts";
import { type Microvm, prepareMicrovm } from "../../sandbox/checks/microvm.ts";
import { obstacles } from "../../sandbox/checks/virtualization.ts";
import { type BackendName, chooseBackend } from "../../sandbox/choose.ts";
import { createServerHost } from "../../sandbox/server/host.ts";
import { doesServerAnswer } from "../../sandbox/server/presence.ts";
import { checkHost } from "./hosts.ts";
import { checkImages } from "./images.ts";
import { checkInterpreters } from "./interpreters.ts";
import { checkNamespaces } from "./namespaces.ts";
import { checkStateDir } from "./state-dir.ts";

export type DoctorOptions = {
  readonly config: Config;
  readonly given: ReadonlySet<OptionName>;
  readonly clock: Clock;
  /** In place of this machine's; for tests. */
  readonly microvm?: Microvm;
};

export type Diagnosis = {
  /** In the order in which they are best read. */
  readonly findings: readonly Finding[];
  /** As in `--backend`. */
  readonly asked: string;
  /** The backend that a start would take; null if it would take none. */
  readonly backend: BackendName | null;
  /** A start with this configuration would serve sandboxes. */
  readonly ready: boolean;
};

/** What each backend cannot do without. */
const needs: Readonly<Record<BackendName, readonly CheckName[]>> = {
  microvm: ["CPU virtualization", "/dev/kvm", "microVM runtime", "microVM boot"],
  cloud: ["microVM runtime", "cloud key"],
  namespace: ["namespaces"],
  server: ["microsandbox server"],
};

/** Takes as long as the slowest check, at most the two minutes of a boot that does not end. Rejects with the signal's reason only. */
export async function diagnose(options: DoctorOptions, signal: AbortSignal): Promise<Diagnosis> {
  const { config, clock, given } = options;
  // Before the others, which keep things there.
  const stateDir = await checkStateDir(config.stateDir);
  const { runtime, virtualization } = options.microvm ?? prepareMicrovm(microvmOptions(options));
  const [microvm, interpreters, namespaces, server] = await Promise.all([
    virtualization.examine(signal),
    checkInterpreters(config, signal),
    checkNamespaces(config, clock, signal),
    checkServer(config, clock, given.has("serverUrl") || config.backend === "server", signal),
  ]);
  // Why it is not there, its own check says.
  const images = await checkImages(config.templates, await runtime().catch(() => undefined));
  const cloud = config.backend === "cloud" ? [checkCloudKey(config.apiKey)] : [];
  const found = [stateDir, ...microvm, images, interpreters, namespaces, server, ...cloud];
  const choice = await choose(options, found);
  const needed = choice.backend === null ? [] : needs[choice.backend];
  const unmet = found.filter(({ check, status }) => needed.includes(check) && status === "missing");
  return {
    findings: [...found, choice.finding],
    asked: config.backend,
    backend: choice.backend,
    ready: choice.backend !== null && unmet.length === 0 && stateDir.status === "ok",
  };
}

function microvmOptions({ config, given, clock }: DoctorOptions) {
  const { runtimeDir, stateDir } = config;
  return { runtimeDir, isRuntimeDirGiven: given.has("runtimeDir"), stateDir, clock };
}

async function checkServer(config: Config, clock: Clock, isAsked: boolean, signal: AbortSignal): Promise<Finding> {
  const check = "microsandbox server";
  if (!isAsked && !(await doesServerAnswer(config.serverUrl))) {
    return { check, status: "skipped", found: "none answers at the default address, and --server-url names no other" };
  }
  const host = () =>
    createServerHost({
      ...{ volumes: [], clock, emit: () => undefined },
      url: config.serverUrl,
      apiKey: config.apiKey ?? null,
      installationId: "doctor",
      startTimeoutMs: config.sandboxStartTimeoutMs,
    });
  const mend = "Start one, or correct --server-url and MSB_API_KEY.";
  return checkHost({ check, found: "answers, and takes the key that it is given", mend, host }, signal);
}

async function choose({ config, given }: DoctorOptions, found: readonly Finding[]) {
  const lacking = (backend: "microvm" | "cloud") => async () =>
    obstacles(found.filter(({ check }) => needs[backend].includes(check))).map(lineOf);
  const server = found.find(({ check }) => check === "microsandbox server");
  const check = "backend";
  try {
    const { backend } = await chooseBackend({
      asked: config.backend,
      isServerUrlGiven: given.has("serverUrl"),
      doesServerAnswer: async () => server?.status === "ok",
      microvm: lacking("microvm"),
      cloud: lacking("cloud"),
      isLoopback: config.transport === "stdio" || isLoopback(config.host),
    });
    const found = config.backend === "auto" ? `auto takes ${backend}` : `${backend}, as asked`;
    return { backend, finding: { check, status: "ok", found } satisfies Finding };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const [advice] = error.advice;
    const finding =
      config.backend === "auto"
        ? missing(check, "auto takes none: no server, no microVMs, and namespaces only on a loopback address", advice)
        : missing(check, `${config.backend} cannot be had here`, undefined);
    return { backend: null, finding };
  }
}
