// A gateway on a loopback port of this machine, with an outside of the test's own: names resolve as it says, and addresses lead to servers of its
// own, which stand in for hosts of the internet.

import { dlopen, ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../../src/clock.ts";
import {
  type Gateway,
  type GatewayEvent,
  type GatewayLimits,
  openGateway,
} from "../../../src/sandbox/egress/gateway.ts";
import type { Outside } from "../../../src/sandbox/egress/reach.ts";
import { parseNetwork } from "../../../src/sandbox/network.ts";

export type Rig = AsyncDisposable & {
  readonly port: number;
  readonly gateway: Gateway;
  readonly events: GatewayEvent[];
  /** Each name that was resolved, in order. */
  readonly resolved: string[];
  /** Each address and port that was connected to. */
  readonly connected: string[];
};

export type RigOptions = {
  readonly policy: string;
  /** By name, what it resolves to each time in turn; the last one stays. */
  readonly names?: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** The port of this machine that stands in, by ADDRESS:PORT. */
  readonly hosts?: Readonly<Record<string, number>>;
  readonly clock?: Clock;
  readonly proxy?: Outside["proxy"];
  readonly limits?: GatewayLimits;
};

export async function openRig({
  policy,
  names = {},
  hosts = {},
  clock = systemClock,
  proxy,
  limits,
}: RigOptions): Promise<Rig> {
  const reading = parseNetwork(policy);
  if ("problems" in reading) throw new Error(reading.problems.join());
  const [events, resolved, connected]: [GatewayEvent[], string[], string[]] = [[], [], []];
  const outside: Outside = {
    resolve: async (name) => {
      const answers = names[name] ?? [];
      const answer = answers[Math.min(resolved.filter((one) => one === name).length, answers.length - 1)];
      resolved.push(name);
      if (answer === undefined) throw new Error(`${name} has no address`);
      return answer;
    },
    connect: (address, port) => {
      connected.push(`${address}:${port}`);
      return connect({ host: "127.0.0.1", port: hosts[`${address}:${port}`] ?? 1, allowHalfOpen: true });
    },
    proxy,
    ownAddresses: () => ["127.0.0.1"],
  };
  const { symbols } = openSockets();
  const { descriptor, port } = listeningSocket(symbols);
  const gateway = await openGateway({
    ...{ policy: reading.policy, outside, clock, emit: (event) => void events.push(event) },
    ...(limits !== undefined && { limits }),
    listener: () => symbols.fcntl(descriptor, 1030, 3),
  });
  return {
    ...{ port, gateway, events, resolved, connected },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      closeSync(descriptor);
    },
  };
}

/** A server of this machine that answers each connection. */
export async function standIn(onConnection: (socket: Socket) => void): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export type Client = {
  readonly socket: Socket;
  readonly answer: () => Promise<string>;
  readonly until: (words: string) => Promise<string>;
};

/** A client of the proxy, which has said something. */
export function say(port: number, words: string | Uint8Array): Client {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let heard = "";
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const one of waiting) one();
  };
  socket.on("data", (piece) => {
    heard += piece.toString("latin1");
    wake();
  });
  for (const event of ["end", "close", "error"]) socket.on(event, wake);
  let isOver = false;
  for (const event of ["end", "close", "error"]) socket.prependListener(event, () => (isOver = true));
  const when = async (holds: () => boolean): Promise<string> => {
    while (!holds() && !isOver) {
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
      });
    }
    return heard;
  };
  socket.write(words);
  return { socket, answer: () => when(() => false), until: (words) => when(() => heard.includes(words)) };
}

type Sockets = ReturnType<typeof openSockets>["symbols"];

function openSockets() {
  return dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  });
}

function listeningSocket(symbols: Sockets): { readonly descriptor: number; readonly port: number } {
  const descriptor = symbols.socket(2, 1 | 0o2000000, 0);
  const address = new DataView(new ArrayBuffer(16));
  address.setUint16(0, 2, true);
  address.setUint32(4, 0x7f000001);
  const bytes = new Uint8Array(address.buffer);
  if (symbols.bind(descriptor, ptr(bytes), 16) !== 0 || symbols.listen(descriptor, 64) !== 0)
    throw new Error("no port");
  symbols.getsockname(descriptor, ptr(bytes), ptr(new Uint32Array([16])));
  return { descriptor, port: address.getUint16(2) };
}
