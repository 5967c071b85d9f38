// The runtime's package as the microvm adapter uses it, over the machines of a keeper: they outlive this process.

import type { ExecEvent, Sandbox as Machine } from "microsandbox";
import type { Runtime } from "../../src/sandbox/microvm/runtime/runtime.ts";
import type { Asked, ExecTold, Told } from "./wire.ts";

/** Resolves once the keeper is reached. */
export async function runtimeOver(keeperUrl: string): Promise<Runtime> {
  const keeper = await Connection.open(keeperUrl);
  const handleOf = (name: string) => ({
    status: "running",
    connect: async () => machineOf(keeper, name),
    destroy: async () => {
      if ((await keeper.ask({ what: "destroy", name })) !== true) throw notFound;
    },
    name,
    createdAt: undefined,
  });
  const names = async () => (await keeper.ask({ what: "list" })) as readonly string[];
  const Sandbox = {
    builder: (name: string) => builderOf(keeper, name),
    get: async (name: string) => {
      if (!(await names()).includes(name)) throw notFound;
      return handleOf(name);
    },
    listWith: async () => ({ sandboxes: (await names()).map(handleOf), nextCursor: undefined }),
  };
  const microsandbox = { Sandbox, Image: {}, setDefaultBackend: () => undefined };
  const paths = { addon: "", msb: "", libkrunfw: "" };
  return { source: "project", folder: "", version: "0", paths, overridden: {}, microsandbox } as unknown as Runtime;
}

const notFound = Object.assign(new Error("there is no such machine"), { code: "sandboxNotFound" });

/** Takes every setting, and heeds none. */
function builderOf(keeper: Connection, name: string): object {
  const create = async () => {
    await keeper.ask({ what: "boot", name });
    return machineOf(keeper, name);
  };
  const builder: object = new Proxy({ create }, { get: (own, key) => (key === "create" ? own.create : () => builder) });
  return builder;
}

function machineOf(keeper: Connection, name: string): Machine {
  const execStreamWith = async (program: string, configure: (builder: ExecBuilder) => unknown) => {
    const builder = new ExecBuilder();
    configure(builder);
    const { argv, env, isOpen } = builder;
    const events = new Events();
    const exec = await keeper.start({ what: "exec", name, program, argv, env, isOpen }, events.push);
    return {
      recv: events.next,
      takeStdin: async () => ({
        write: (data: Uint8Array) => keeper.ask({ what: "write", exec, data: Buffer.from(data).toString("base64") }),
        close: () => keeper.ask({ what: "write", exec }),
      }),
      kill: () => keeper.ask({ what: "kill", exec }),
    };
  };
  return { name, execStreamWith } as unknown as Machine;
}

class ExecBuilder {
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

class Events {
  readonly #queue: ExecTold[] = [];
  #wake = () => {};

  readonly push = (event: ExecTold): void => {
    this.#queue.push(event);
    this.#wake();
  };

  readonly next = async (): Promise<ExecEvent | null> => {
    while (this.#queue.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const event = this.#queue.shift() ?? null;
    if (event === null) return null;
    return ("data" in event ? { ...event, data: Buffer.from(event.data, "base64") } : event) as ExecEvent;
  };
}

class Connection {
  readonly #socket: WebSocket;
  #lastId = 0;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #execs = new Map<number, (event: ExecTold) => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(String(data)) as Told));
  }

  static async open(url: string): Promise<Connection> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error(`no keeper at ${url}`)), { once: true });
    });
    return new Connection(socket);
  }

  ask(asked: Asked): Promise<unknown> {
    this.#lastId += 1;
    return this.#send(this.#lastId, asked);
  }

  /** Resolves with the number by which it is written to. */
  async start(asked: Asked, onEvent: (event: ExecTold) => void): Promise<number> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#execs.set(id, onEvent);
    await this.#send(id, asked);
    return id;
  }

  #send(id: number, asked: Asked): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#asked.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, asked }));
    return waiting.promise;
  }

  #hear(told: Told): void {
    const { id } = told;
    if ("event" in told) {
      this.#execs.get(id)?.(told.event);
      if (told.event === null) this.#execs.delete(id);
      return;
    }
    const waiting = this.#asked.get(id);
    this.#asked.delete(id);
    if ("answer" in told) waiting?.resolve(told.answer);
    else waiting?.reject(new Error(told.error));
  }
}
