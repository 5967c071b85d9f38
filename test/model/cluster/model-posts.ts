// What one node of a walk asks another one: a request that its routes answer in this process, over a way that can be cut, from and to processes that can be
// stopped and killed.

import { type Posting, type Posts, silenceMs } from "../../../src/cluster/peers/posting.ts";
import { PeerUnreachable } from "../../../src/cluster/peers/unreachable.ts";
import type { Net, Place } from "./net.ts";

/** As of by-socket.ts. Milliseconds. */
const connectMs = 5_000;

export function modelPosts(net: Net, self: Pick<Place, "host" | "clock" | "gone">): Posts {
  async function post(posting: Posting): Promise<void> {
    await net.running(self);
    const { url, signal } = posting;
    const target = net.places.get(url.host);
    const isCut = () => net.isCut(self.host, url.host);
    if (isCut()) {
      await self.clock.sleep(connectMs, signal);
      await net.running(self);
      throw new PeerUnreachable(`${url.host} cannot be reached`, { wasSent: false });
    }
    if (target === undefined || target.isClosed || target.gone.aborted) {
      throw new PeerUnreachable(`${url.host} refuses`, { wasSent: false });
    }
    await converse(posting, target, isCut);
  }

  async function converse(posting: Posting, target: Place, isCut: () => boolean): Promise<void> {
    const { url, headers, body, signal, onHead, onPiece } = posting;
    const over = new AbortController();
    const left = new AbortController();
    let heardMs = self.clock.monotonicMs();
    const silence = async (): Promise<never> => {
      for (;;) {
        const leftMs = heardMs + silenceMs - self.clock.monotonicMs();
        if (leftMs <= 0) throw new PeerUnreachable(`${url.host} says nothing`, { wasSent: true });
        await self.clock.sleep(leftMs, over.signal);
      }
    };
    const broken = new Promise<never>((_, reject) => {
      const cause = () => new PeerUnreachable(`${url.host} broke off`, { wasSent: true });
      const onGone = async () => {
        await net.until(() => !isCut());
        reject(cause());
      };
      target.gone.addEventListener("abort", () => void onGone(), { signal: over.signal });
      signal.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
      if (signal.aborted) reject(signal.reason);
    });
    // Who is killed leaves as well.
    const onSelfGone = () => left.abort(new Error("its connection is gone"));
    self.gone.addEventListener("abort", onSelfGone, { once: true });
    const asking = async () => {
      await net.running(target);
      const request = new Request(url.href, { method: "POST", headers, body, signal: left.signal });
      const response = (await target.answer(request)) ?? new Response(null, { status: 404 });
      await passes();
      onHead(response.status, (name) => response.headers.get(name));
      const decoder = new TextDecoder();
      for await (const piece of response.body ?? []) {
        await passes();
        heardMs = self.clock.monotonicMs();
        if (onPiece(decoder.decode(piece, { stream: true }))) return;
      }
      throw new PeerUnreachable(`${url.host} ended its answer too soon`, { wasSent: true });
    };
    const passes = async () => {
      await net.until(() => !isCut());
      await net.running(target);
      await net.running(self);
    };
    const asked = asking();
    const silent = silence();
    for (const each of [asked, silent, broken]) each.catch(() => undefined);
    try {
      await Promise.race([asked, silent, broken]);
    } catch (error) {
      // The other one learns that nobody waits any more where there is a way.
      void net.until(() => !isCut()).then(() => left.abort(new Error("its connection is gone")));
      await net.running(self);
      throw error;
    } finally {
      over.abort();
      self.gone.removeEventListener("abort", onSelfGone);
    }
  }

  return { post, [Symbol.dispose]: () => undefined };
}
