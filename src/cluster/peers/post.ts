// One POST to another node, answered in pieces of text. By fetch where that is known to serve, as it takes half of the time. Of those, Bun has no more than
// 256 on their way at a time, and a call may take as long as a run does; nor does it tell whether there was a connection.

import type { Clock } from "../../clock.ts";
import { postByFetch } from "./by-fetch.ts";
import { createPostsBySocket } from "./by-socket.ts";
import type { Posting, Posts } from "./posting.ts";
import type { PeerTls } from "./tls.ts";

/** A node that has answered not longer ago is there, most likely. Milliseconds. */
const answeredMs = 10_000;
/** Others in this process need some, too. */
const maxFetches = 128;
/** Nodes whose answers are remembered. */
const maxRemembered = 4096;

export function createPosts(clock: Clock, tls?: PeerTls): Posts {
  const bySocket = createPostsBySocket(clock, tls);
  const answeredAtMs = new Map<string, number>();
  let fetches = 0;

  async function counted(posting: Posting): Promise<void> {
    fetches += 1;
    try {
      await postByFetch(posting, clock, tls);
    } finally {
      fetches -= 1;
    }
  }

  return {
    async post(posting) {
      const { host } = posting.url;
      const isThere = clock.monotonicMs() - (answeredAtMs.get(host) ?? Number.NEGATIVE_INFINITY) < answeredMs;
      try {
        await (isThere && fetches < maxFetches ? counted(posting) : bySocket.post(posting));
        if (answeredAtMs.size >= maxRemembered) answeredAtMs.clear();
        answeredAtMs.set(host, clock.monotonicMs());
      } catch (error) {
        // Who has left says nothing of the other node.
        if (!posting.signal.aborted) answeredAtMs.delete(host);
        throw error;
      }
    },
    [Symbol.dispose]: () => bySocket[Symbol.dispose](),
  };
}
