// A machine as the runtime's package shows it, as far as the link uses one: a bubblewrap on this machine, in which programs are started as the
// runtime's agent does, each in a session of its own, told to have ended when its output has too.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecEvent, Sandbox as RuntimeMachine } from "microsandbox";
import { Machine, type MachineProcess } from "../../stub-microsandbox/machine.ts";

export class LocalMachine implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #layer: string;
  readonly name: string;
  /** The process groups of what has been started, as this machine sees them. */
  #groups = new Set<number>();

  private constructor(machine: Machine, layer: string, name: string) {
    this.#machine = machine;
    this.#layer = layer;
    this.name = name;
  }

  static async boot(name: string): Promise<LocalMachine> {
    const layer = await mkdtemp(join(tmpdir(), "local-machine-"));
    const entry = { image: "any", memory: 256, cpus: 1, volumes: [], envs: [], portalPort: 0 };
    const options = { language: "python", entry, layer, mountsVolumes: false, namespaceFolder: layer } as const;
    return new LocalMachine(await Machine.boot(options), layer, name);
  }

  /** What the adapter uses of the runtime's. */
  get asRuntimeMachine(): RuntimeMachine {
    const { name } = this;
    const execStreamWith = (program: string, configure: (builder: Builder) => unknown) => {
      const builder = new Builder();
      configure(builder);
      const env = Object.entries(builder.env).map(([key, value]) => `${key}=${value}`);
      const argv = ["setsid", "env", ...env, program, ...builder.argv];
      return handleOf(this.#machine.spawn(argv, builder.isOpen ? "pipe" : "ignore"), this.#groups);
    };
    return { name, execStreamWith } as unknown as RuntimeMachine;
  }

  /** Ends what its client has started, as the runtime does when that has gone. */
  abandon(): void {
    for (const group of this.#groups) endGroup(group);
    this.#groups = new Set();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine[Symbol.asyncDispose]();
    await rm(this.#layer, { recursive: true, force: true });
  }
}

class Builder {
  argv: readonly string[] = [];
  env: Readonly<Record<string, string>> = {};
  isOpen = false;

  args(argv: readonly string[]): this {
    this.argv = argv;
    return this;
  }

  envs(env: Readonly<Record<string, string>>): this {
    this.env = env;
    return this;
  }

  stdinPipe(): this {
    this.isOpen = true;
    return this;
  }

  stdinNull(): this {
    return this;
  }
}

async function handleOf(child: MachineProcess, groups: Set<number>) {
  const { outside, inside } = await pidsOf(child);
  groups.add(outside);
  const events: (ExecEvent | null)[] = [{ kind: "started", pid: inside } as ExecEvent];
  let wake = () => {};
  const push = (event: ExecEvent | null) => {
    events.push(event);
    wake();
  };
  const read = async (kind: "stdout" | "stderr") => {
    for await (const data of child[kind]) push({ kind, data } as ExecEvent);
  };
  void Promise.all([read("stdout"), read("stderr"), child.exited]).then(() => {
    groups.delete(outside);
    push({ kind: "exited", code: child.signalCode === null ? child.exitCode : -1 } as ExecEvent);
    push(null);
  });
  const { stdin } = child;
  return {
    recv: async () => {
      while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return events.shift();
    },
    takeStdin: async () => ({
      write: async (data: Uint8Array) => {
        if (stdin === undefined || typeof stdin === "number") return;
        stdin.write(data);
        await stdin.flush();
      },
      close: async () => {
        if (stdin !== undefined && typeof stdin !== "number") await stdin.end();
      },
    }),
    kill: async () => endGroup(outside),
  };
}

function endGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Of the program behind an nsenter, as this machine and as the guest see it. */
async function pidsOf(child: MachineProcess): Promise<{ readonly outside: number; readonly inside: number }> {
  for (;;) {
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").catch(() => "");
    const outside = Number.parseInt(children, 10);
    const status = await readFile(`/proc/${outside}/status`, "utf8").catch(() => "");
    const inside = Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]);
    if (inside > 0) return { outside, inside };
    if (child.exitCode !== null) return { outside: 0, inside: 0 };
    await Bun.sleep(2);
  }
}
