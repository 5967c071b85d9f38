// What is in the way of bubblewrap on this machine or in this container, in words for the operator, with the flags or settings that help.
// It looks at the kernel's settings and at what this process may do; whether a sandbox can be made, only a trial tells (trial.ts).

import { existsSync, readFileSync } from "node:fs";

/** What the words depend on, as the kernel tells it; each text is empty where it tells nothing. */
export type Confinement = {
  readonly isContainer: boolean;
  /** /proc/self/status, proc_pid_status(5). */
  readonly status: string;
  /** /proc/self/attr/current: the profile of AppArmor. */
  readonly profile: string;
  readonly sysctl: (name: string) => string;
};

/** Where the image `full` has the profile under which bubblewrap works. */
const profileInImage = "/usr/share/msb-mcp/seccomp.json";

/** Settings of the kernel that forbid user namespaces to ordinary users, by the value that forbids them. */
const forbidding = [
  { name: "user.max_user_namespaces", value: "0", allowing: "10000" },
  { name: "kernel.unprivileged_userns_clone", value: "0", allowing: "1" },
  { name: "kernel.apparmor_restrict_unprivileged_userns", value: "1", allowing: "0" },
] as const;

/** At 2, no file in memory is ever executed; at 1, only those that are made for it, as the launcher is. */
const memoryExecution = { name: "vm.memfd_noexec", forbidding: "2", allowing: "1" } as const;

/** What happened, and what to do about it. */
export function obstaclesIn(confinement: Confinement): { readonly what: string; readonly advice: readonly string[] } {
  // The kernel tells each process' mode of it, if it has it at all.
  if (confinement.status !== "" && !/^Seccomp:/m.test(confinement.status)) {
    return {
      what: "The kernel of this machine cannot filter system calls, and no sandbox of namespaces is made without.",
      advice: ["Use a kernel with CONFIG_SECCOMP_FILTER, or another backend: --backend microvm, or --backend server."],
    };
  }
  if (confinement.sysctl(memoryExecution.name) === memoryExecution.forbidding) {
    return {
      what: "The kernel forbids to execute a file in memory, which starts the programs in a sandbox.",
      advice: [`Allow it: sysctl -w ${memoryExecution.name}=${memoryExecution.allowing}.`],
    };
  }
  const settings = forbidding
    .filter(({ name, value }) => confinement.sysctl(name) === value)
    .map(({ name, allowing }) => `sysctl -w ${name}=${allowing}`);
  const onHost =
    settings.length === 0 ? [] : [`The kernel forbids user namespaces. Allow them: ${settings.join(" && ")}`];
  if (confinement.isContainer) {
    return { what: "This container does not let bubblewrap make a sandbox.", advice: [flags(confinement), ...onHost] };
  }
  return {
    what: "This machine does not let bubblewrap make a sandbox.",
    advice:
      onHost.length > 0 ? onHost : [`Unprivileged user namespaces may be switched off: see ${listOf(forbidding)}.`],
  };
}

export function readConfinement(): Confinement {
  return {
    // As Docker and Podman mark them.
    isContainer: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    status: read("/proc/self/status"),
    profile: read("/proc/self/attr/current"),
    sysctl: (name) => read(`/proc/sys/${name.replaceAll(".", "/")}`),
  };
}

function flags({ status, profile }: Confinement): string {
  const isRoot = /^Uid:\s+\d+\s+0\s/m.test(status);
  const isConfined = profile !== "" && !profile.startsWith("unconfined");
  const needed = [
    ...["--security-opt seccomp=seccomp.json", "--security-opt systempaths=unconfined"],
    ...(isConfined ? ["--security-opt apparmor=unconfined"] : []),
    ...(isRoot ? ["--user 65532"] : []),
  ];
  return `Start it with ${needed.join(" ")}. The file is in the image as ${profileInImage}; docs/docker.md says what each flag allows.`;
}

function listOf(settings: readonly { readonly name: string }[]): string {
  return `sysctl ${settings.map(({ name }) => name).join(", ")}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}
