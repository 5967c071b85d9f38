// One sandbox of the stub: a bubblewrap with namespaces of its own and no network, which programs are started in.

import { mkdir, readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { type MemoryGroup, memoryGroup } from "./memory.ts";
import { type Entry, splitVolume } from "./sandboxfile.ts";

export type MachineLanguage = "python" | "node";

export type MachineOptions = {
  readonly language: MachineLanguage;
  readonly entry: Entry;
  /** The layer that keeps what the guest writes at home, from one start of a name to the next (hazard e). */
  readonly layer: string;
  /** False: their folders are there, and nothing is mounted on them. */
  readonly mountsVolumes: boolean;
  /** What relative host paths of volumes are relative to. */
  readonly namespaceFolder: string;
};

export type MachineProcess = Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">;

const users: Readonly<Record<MachineLanguage, string>> = { python: "python-user", node: "node" };

export class Machine implements AsyncDisposable {
  readonly language: MachineLanguage;
  readonly cpus: number;
  readonly ended: Promise<void>;
  readonly #bwrap: Bun.Subprocess;
  readonly #enter: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #insidePid: number;
  readonly #group: MemoryGroup;
  readonly #entered = new Set<MachineProcess>();

  private constructor(
    options: MachineOptions,
    bwrap: Bun.Subprocess,
    insidePid: number,
    home: string,
    group: MemoryGroup,
  ) {
    this.#group = group;
    this.language = options.language;
    this.cpus = options.entry.cpus ?? 1;
    this.#bwrap = bwrap;
    this.#insidePid = insidePid;
    this.ended = bwrap.exited.then(() => group[Symbol.asyncDispose]());
    this.#enter = [
      ...["nsenter", "-t", `${insidePid}`, "--user", "--mount", "--pid", "--net", "--ipc", "--uts"],
      ...["-S", "0", "-G", "0", `--wdns=${home}/work`, "--"],
    ];
    // The image's user is never used: root, without a home, a name and a language.
    this.#env = {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: "/",
      ...Object.fromEntries(
        (options.entry.envs ?? []).map((env) => [env.slice(0, env.indexOf("=")), env.slice(env.indexOf("=") + 1)]),
      ),
    };
  }

  static async boot(options: MachineOptions): Promise<Machine> {
    const home = `/home/${users[options.language]}`;
    await mkdir(`${options.layer}/work`, { recursive: true });
    const volumes = (options.mountsVolumes ? (options.entry.volumes ?? []) : []).flatMap((volume) => {
      const [host, guest] = splitVolume(volume) ?? ["", ""];
      return ["--bind", isAbsolute(host) ? host : resolve(options.namespaceFolder, host), guest];
    });
    // 1024 MiB is the server's default.
    const group = await memoryGroup(options.entry.memory ?? 1024);
    const bwrap = Bun.spawn(
      [
        ...group.within([]),
        ...["bwrap", "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--die-with-parent"],
        ...["--new-session", "--hostname", "sandbox", "--ro-bind", "/usr", "/usr"],
        ...["bin", "sbin", "lib", "lib64"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
        ...["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"],
        ...["--ro-bind", group.counters, "/proc/vmstat"],
        ...["--tmpfs", "/tmp", "--bind", options.layer, home, ...volumes, "--clearenv"],
        ...["/bin/sh", "-c", "echo up; exec sleep infinity"],
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    );
    const reader = bwrap.stdout.getReader();
    const first = await reader.read();
    const children = await readFile(`/proc/${bwrap.pid}/task/${bwrap.pid}/children`, "utf8").catch(() => "");
    const insidePid = Number.parseInt(children, 10);
    if (first.done || Number.isNaN(insidePid)) {
      bwrap.kill("SIGKILL");
      await bwrap.exited;
      await group[Symbol.asyncDispose]();
      throw new Error("bubblewrap did not start");
    }
    return new Machine(options, bwrap, insidePid, home, group);
  }

  /** Starts a program inside; stdin is a pipe or empty. */
  spawn(argv: readonly string[], stdin: "pipe" | "ignore"): MachineProcess {
    const child: MachineProcess = Bun.spawn([...this.#group.within([...this.#enter, ...argv])], {
      env: this.#env,
      stdin,
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#entered.add(child);
    void child.exited.then(() => this.#entered.delete(child));
    return child;
  }

  /** Kills a program that was started inside and nothing of what that has started. */
  async killDirectChild(child: MachineProcess): Promise<void> {
    const inside = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").catch(() => "");
    for (const pid of inside.split(" ").filter((word) => word !== "")) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  /** Resident memory in MiB of the machine's first process; null once it is gone. */
  async memoryMib(): Promise<number | null> {
    const statm = await readFile(`/proc/${this.#insidePid}/statm`, "utf8").catch(() => null);
    return statm === null ? null : Math.ceil((Number(statm.split(" ")[1]) * 4096) / 2 ** 20);
  }

  /** Ends every process inside at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#bwrap.kill("SIGKILL");
    await this.ended;
    // An nsenter stops with the program that it waits for, and then hears nothing of its end.
    for (const child of this.#entered) child.kill("SIGKILL");
  }
}
