// What a hypervisor is to microVMs: machines that live on when the server that booted them has gone. They are bubblewraps of this process, which end with
// it. A server that goes takes what it has started through its own connection with it, as the runtime's agent does, and nothing else.

import type { ExecEvent, ExecHandle } from "microsandbox";
import { LocalMachine } from "../sandbox/microvm/local-machine.ts";
import type { Asked, ExecTold, Request, Told } from "./wire.ts";

type Handle = ExecHandle;

/** What one server has started. */
type Connected = { readonly execs: Map<number, Handle> };

export type Keeper = AsyncDisposable & {
  readonly url: string;
  /** Names of the machines that there are. */
  readonly names: readonly string[];
};

export function startKeeper(): Keeper {
  const machines = new Map<string, LocalMachine>();

  function machine(name: string): LocalMachine {
    const found = machines.get(name);
    if (found === undefined) throw new Error(`there is no machine ${name}`);
    return found;
  }

  async function carryOut(id: number, asked: Asked, { execs }: Connected, tell: (told: Told) => void) {
    switch (asked.what) {
      case "boot":
        machines.set(asked.name, await LocalMachine.boot(asked.name));
        return null;
      case "list":
        return [...machines.keys()];
      case "destroy": {
        const found = machines.get(asked.name);
        machines.delete(asked.name);
        await found?.[Symbol.asyncDispose]();
        return found !== undefined;
      }
      case "exec": {
        const { program, argv, env, isOpen } = asked;
        const handle = await machine(asked.name).asRuntimeMachine.execStreamWith(program, (builder) => {
          const configured = builder.args([...argv]).envs(env);
          return isOpen ? configured.stdinPipe() : configured.stdinNull();
        });
        execs.set(id, handle);
        void follow(id, handle, tell).then(() => execs.delete(id));
        return null;
      }
      case "write": {
        const stdin = await execs.get(asked.exec)?.takeStdin();
        if (asked.data === undefined) await stdin?.close();
        else await stdin?.write(Buffer.from(asked.data, "base64"));
        return null;
      }
      case "kill":
        await execs.get(asked.exec)?.kill();
        return null;
    }
  }

  const server = Bun.serve<Connected, never>({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) =>
      self.upgrade(request, { data: { execs: new Map() } }) ? undefined : new Response(null, { status: 426 }),
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      idleTimeout: 0,
      message: (socket, text) => {
        const { id, asked } = JSON.parse(String(text)) as Request;
        const tell = (told: Told) => void socket.send(JSON.stringify(told));
        carryOut(id, asked, socket.data, tell).then(
          (answer) => tell({ id, answer }),
          (error: unknown) => tell({ id, error: String(error) }),
        );
      },
      close: ({ data }) => {
        for (const handle of data.execs.values()) void handle.kill();
      },
    },
  });

  return {
    url: `ws://127.0.0.1:${server.port}`,
    get names() {
      return [...machines.keys()];
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await Promise.all([...machines.values()].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

async function follow(id: number, handle: Handle, tell: (told: Told) => void): Promise<void> {
  for (;;) {
    const event = await handle.recv();
    tell({ id, event: event === null ? null : plain(event) });
    if (event === null) return;
  }
}

function plain(event: ExecEvent): ExecTold {
  switch (event.kind) {
    case "started":
      return { kind: "started", pid: event.pid };
    case "exited":
      return { kind: "exited", code: event.code };
    default:
      return { kind: event.kind, data: Buffer.from(event.data).toString("base64") };
  }
}
