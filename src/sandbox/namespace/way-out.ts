// The way out of a sandbox that has a network policy: a socket that listens on its loopback and is held outside, behind which the proxy is
// (egress/). The sandbox has no network device. What its programs are told of it are the usual variables.

import { closeSync } from "node:fs";
import { type Gateway, type GatewayOptions, openGateway } from "../egress/gateway.ts";
import { type NamespaceDescriptors, pathOf, type Self } from "./enter.ts";
import { guestPrograms } from "./layout.ts";
import type { Libc } from "./libc.ts";
import { guestPath } from "./tools.ts";

/** Of the sandbox's loopback. */
export const proxyPort = 3128;

const proxyUrl = `http://127.0.0.1:${proxyPort}`;

/** Where the program is that has an older Node.js go by the variables. */
export const proxiedNodePath = `${guestPrograms}/proxied.cjs`;

/** In both cases of letters: programs differ in which they read. */
export const proxyEnv: Readonly<Record<string, string>> = {
  ...{ HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl, ALL_PROXY: proxyUrl },
  ...{ http_proxy: proxyUrl, https_proxy: proxyUrl, all_proxy: proxyUrl },
  ...{ NO_PROXY: "localhost,127.0.0.1,::1", no_proxy: "localhost,127.0.0.1,::1" },
  // From 22.21 and 24.5 on, Node.js itself goes by the variables then; before, it does by our program.
  ...{ NODE_USE_ENV_PROXY: "1", NODE_OPTIONS: `--require=${proxiedNodePath}` },
};

export type WayOutOptions = Omit<GatewayOptions, "listener"> & {
  readonly self: Self;
  readonly libc: Libc;
  /** A descriptor of the executable that makes the socket (launcher/listener.ts). */
  readonly launcher: number;
  readonly namespaces: NamespaceDescriptors;
};

export type WayOut = AsyncDisposable & { readonly refusals: Gateway["refusals"] };

/** Before anything of the guest's runs: the port is free. Rejects with the signal's reason, or with what keeps the socket from being made. */
export async function openWayOut(options: WayOutOptions, signal: AbortSignal): Promise<WayOut> {
  const { libc } = options;
  const socket = await makeListener(options);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => closeSync(socket));
  signal.throwIfAborted();
  const gateway = opened.use(await openGateway({ ...options, listener: () => libc.duplicate(socket) }));
  signal.throwIfAborted();
  const kept = opened.move();
  return { refusals: gateway.refusals, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() };
}

async function makeListener({ self, libc, launcher, namespaces }: WayOutOptions): Promise<number> {
  const [ours, theirs] = libc.socketPair();
  try {
    const made = Bun.spawn(
      [pathOf(self, launcher), pathOf(self, namespaces.owner), `${pathOf(self, namespaces.folder)}/net`, ""],
      // The answer comes through the last one: launcher/listener.ts.
      { stdio: ["ignore", "ignore", "pipe", theirs], env: { PATH: guestPath }, cwd: "/", detached: true },
    );
    const [said] = await Promise.all([made.stderr.text(), made.exited]);
    const descriptor = libc.receivedDescriptor(ours);
    if (descriptor === undefined) throw new Error(said.trim() || "the sandbox's loopback cannot be listened to");
    return descriptor;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}
