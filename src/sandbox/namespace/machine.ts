// What a namespace host finds on this machine once, and keeps while it lives: tools, limits, and what every sandbox is handed.

import { closeSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../failure.ts";
import { fileAgentPrograms } from "../file-agent/programs.ts";
import { runnerPrograms } from "../runner/programs.ts";
import { CompiledPrograms } from "./compiled.ts";
import type { Self } from "./enter.ts";
import { thisArchitecture } from "./filter/architectures.ts";
import { filterBytes } from "./filter/filter.ts";
import { proxiedNode } from "./guest/proxied/program.ts";
import { bootLauncherBytes, mountFlags } from "./launcher/boot.ts";
import { launcherBytes } from "./launcher/launcher.ts";
import { listenerLauncherBytes } from "./launcher/listener.ts";
import { guestPrograms, syntheticEtc } from "./layout.ts";
import { type Libc, openLibc } from "./libc.ts";
import { createLimits, type Limits } from "./limits.ts";
import { Moments } from "./moments.ts";
import { reapOrphans } from "./orphans.ts";
import { memoryLabel } from "./stranded.ts";
import { findTools, type Tools } from "./tools.ts";
import { cannotBoot } from "./trial.ts";
import { proxiedNodePath, proxyPort } from "./way-out.ts";

export type Machine = AsyncDisposable & {
  readonly self: Self;
  readonly tools: Tools;
  readonly libc: Libc;
  readonly limits: Limits;
  readonly moments: Moments;
  /** The same in every sandbox: content by path in the guest, as descriptors. */
  readonly dataFiles: Readonly<Record<string, number>>;
  /** The same in every sandbox that has a way out. */
  readonly wayOutFiles: Readonly<Record<string, number>>;
  readonly compiled: CompiledPrograms;
  readonly filter: number;
  readonly launcher: number;
  readonly bootLauncher: number;
  readonly listenerLauncher: number;
};

/** `installation` tells what is this host's from others'. Throws Failure `configuration` if something is missing here. */
export function openMachine(installation: string, clock: Clock): Machine {
  const tools = findTools();
  if (typeof tools === "string") throw new Failure("configuration", tools, { advice: [] });
  const self = readSelf();
  const libc = openLibc(memoryLabel(installation, self.pid));
  const mounts = readFileSync("/proc/self/mountinfo", "latin1");
  const membership = readFileSync("/proc/self/cgroup", "latin1");
  const limits = createLimits({ view: { membership, mounts, serverPid: self.pid }, installation, clock });
  const closed = new AbortController();
  // Numbered 1, it is the init of all that runs beside it.
  if (self.pid === 1) void reapOrphans(self.pid, libc, clock, closed.signal);
  const moments = new Moments(libc);
  const dataFiles = openDataFiles(libc);
  const wayOutFiles = { [proxiedNodePath]: libc.memoryFile(new TextEncoder().encode(proxiedNode())) };
  const compiled = new CompiledPrograms(libc);
  const filter = libc.memoryFile(filterBytes(thisArchitecture()));
  const launcher = openLauncher(libc, self);
  const folderFlags = mountFlags(mounts, dirname(realpathSync(tools.bwrap)));
  const bootLauncher = libc.memoryProgram(bootLauncherBytes({ isRoot: self.isRoot, folderFlags }));
  const listenerLauncher = libc.memoryProgram(listenerLauncherBytes({ port: proxyPort }));
  const launchers = { launcher, bootLauncher, listenerLauncher };
  return {
    ...{ self, tools, libc, limits, moments, dataFiles, wayOutFiles, compiled, filter, ...launchers },
    [Symbol.asyncDispose]: async () => {
      closed.abort();
      limits.release();
      moments[Symbol.dispose]();
      await compiled[Symbol.asyncDispose]();
      for (const descriptor of [
        ...Object.values({ ...dataFiles, ...wayOutFiles }),
        filter,
        ...Object.values(launchers),
      ]) {
        closeSync(descriptor);
      }
    },
  };
}

/** Throws Failure `configuration` where no file in memory may be executed. */
function openLauncher(libc: Libc, self: Self): number {
  try {
    return libc.memoryProgram(launcherBytes(self));
  } catch (error) {
    throw cannotBoot(error);
  }
}

/** As the kernel tells it: the numbers of this very pid and user namespace. */
function readSelf(): Self {
  const pid = Number(readlinkSync("/proc/self"));
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return { pid, isRoot: uid === "0" };
}

function openDataFiles(libc: Libc): Readonly<Record<string, number>> {
  const encoder = new TextEncoder();
  const programs = [...Object.values(runnerPrograms), ...Object.values(fileAgentPrograms)].map(
    ({ fileName, source }) => [`${guestPrograms}/${fileName}`, source],
  );
  const etc = Object.entries(syntheticEtc).map(([name, content]) => [`/etc/${name}`, content]);
  const files = [...programs, ...etc].map(([path = "", content = ""]) => [
    path,
    libc.memoryFile(encoder.encode(content)),
  ]);
  return Object.fromEntries(files);
}
