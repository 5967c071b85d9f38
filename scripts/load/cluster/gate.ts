// A way of TCP between two parts of the cluster that can be shut as a network does it: what is sent on it arrives nowhere, and nobody is told.

import { connect, createServer, type Server, type Socket } from "node:net";

/** Whether what comes from this local port may pass; asked once a connection. */
export type Sieve = (remotePort: number) => Promise<boolean>;

type State = { sieve: Sieve | undefined };

export class Gate implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs: Set<readonly [Socket, Socket]>;
  readonly #state: State;

  private constructor(server: Server, port: number, pairs: Set<readonly [Socket, Socket]>, state: State) {
    this.#server = server;
    this.port = port;
    this.#pairs = pairs;
    this.#state = state;
  }

  /** Listens on a port of its own and leads to `targetPort`, both on 127.0.0.1. */
  static async open(targetPort: number): Promise<Gate> {
    const pairs = new Set<readonly [Socket, Socket]>();
    const state: State = { sieve: undefined };
    const server = createServer({ pauseOnConnect: true }, (incoming) => {
      const outgoing = connect({ host: "127.0.0.1", port: targetPort });
      const pair = [incoming, outgoing] as const;
      pairs.add(pair);
      const end = () => {
        pairs.delete(pair);
        incoming.destroy();
        outgoing.destroy();
      };
      for (const socket of pair) {
        socket.setNoDelay(true);
        socket.on("error", end);
        socket.on("close", end);
      }
      void passes(state.sieve, incoming).then((isPassing) => {
        if (!isPassing) return;
        incoming.pipe(outgoing);
        outgoing.pipe(incoming);
        incoming.resume();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the gate has no port");
    return new Gate(server, address.port, pairs, state);
  }

  /** From now on nothing passes, or nothing of those that the sieve keeps back. Connections stay open and silent. */
  async shut(sieve: Sieve = () => Promise.resolve(false)): Promise<void> {
    this.#state.sieve = sieve;
    await Promise.all(
      [...this.#pairs].map(async ([incoming, outgoing]) => {
        if (await passes(sieve, incoming)) return;
        incoming.unpipe(outgoing).pause();
        outgoing.unpipe(incoming).pause();
      }),
    );
  }

  /** Connections that were silent are broken, as both sides find out once the network is back. */
  open(): void {
    this.#state.sieve = undefined;
    for (const [incoming, outgoing] of [...this.#pairs]) {
      if (!incoming.isPaused()) continue;
      incoming.destroy();
      outgoing.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [incoming] of [...this.#pairs]) incoming.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function passes(sieve: Sieve | undefined, incoming: Socket): Promise<boolean> {
  return sieve === undefined || (await sieve(incoming.remotePort ?? 0));
}
