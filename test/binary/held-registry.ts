// A package index of Python that has one package, and gives it out when it is told to.

import { readdirSync } from "node:fs";
import { join } from "node:path";

export type HeldRegistry = AsyncDisposable & {
  readonly port: number;
  /** How often the package itself was asked for. */
  readonly asked: () => number;
  /** Resolves once it has been asked for so often. */
  readonly untilAsked: (times: number) => Promise<void>;
  /** What was asked for, and what will be, is given out. */
  readonly release: () => void;
};

/** Of the one wheel in `folder`. */
export function openHeldRegistry(folder: string): HeldRegistry {
  const [wheel = ""] = readdirSync(folder);
  const [name = ""] = wheel.split("-");
  const released = Promise.withResolvers<void>();
  const waiting = new Set<() => void>();
  let count = 0;
  const server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", idleTimeout: 0 },
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === `/simple/${name}/`) {
        return new Response(`<a href="/${wheel}">${wheel}</a>`, { headers: { "Content-Type": "text/html" } });
      }
      if (pathname !== `/${wheel}`) return new Response("not found", { status: 404 });
      count += 1;
      for (const wake of waiting) wake();
      await released.promise;
      return new Response(Bun.file(join(folder, wheel)));
    },
  });
  return {
    port: server.port ?? 0,
    asked: () => count,
    untilAsked: async (times) => {
      while (count < times) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    release: released.resolve,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
