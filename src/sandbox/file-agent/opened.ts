// A file that is open in the guest, read in pieces. If the program that has it open is ended, another one opens it again, if it is still the same.

import { type GuestPath, maxReadBytes, type OpenedFile } from "../files.ts";
import { AgentLost } from "./agent.ts";
import { readCount, readInfo } from "./answers.ts";
import type { AgentLife } from "./life.ts";
import { orAborted } from "./or-aborted.ts";

/** Closes itself where the signal aborts, too. `told` says what a caller is told of an error of the program or its system. */
export async function openFile(
  life: AgentLife,
  path: GuestPath,
  told: (error: unknown) => unknown,
  signal: AbortSignal,
): Promise<OpenedFile> {
  let held = await life.use(true, () => openOnce(life, path, signal));
  const { info } = held;
  const reads = new Set<Promise<unknown>>();

  const readOnce = async ({ agent, handle }: Held, offset: number, length: number): Promise<Uint8Array> => {
    await agent.slots.take();
    const read = agent.request("read", { handle, offset, length });
    reads.add(read);
    const over = () => {
      agent.slots.give();
      reads.delete(read);
    };
    read.then(over, over);
    const { data } = await orAborted(read, signal);
    return data.subarray(0, length);
  };

  /** Several reads find at once that it is lost. */
  let again: Promise<Held> | null = null;
  const reopen = async (lost: Held, cause: AgentLost): Promise<Held> => {
    if (held !== lost) return held;
    again ??= (async () => {
      const next = await life.use(false, () => openOnce(life, path, signal));
      lost.release();
      held = next;
      if (inodeOf(next.info.version) !== inodeOf(info.version)) throw life.failure(cause);
      return next;
    })().finally(() => {
      again = null;
    });
    return await again;
  };

  const close = async () => {
    signal.removeEventListener("abort", onAbort);
    await Promise.allSettled(reads);
    const { agent, handle, release } = held;
    await agent.request("close", { handle }).catch(() => undefined);
    release();
  };
  let closed: Promise<void> | null = null;
  const closeOnce = () => {
    closed ??= close();
    return closed;
  };
  const onAbort = () => void closeOnce();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    info,
    read: async (offset, length) => {
      signal.throwIfAborted();
      const own = held;
      const bounded = Math.min(length, maxReadBytes);
      try {
        return await readOnce(own, offset, bounded);
      } catch (error) {
        if (!(error instanceof AgentLost)) throw told(error);
        try {
          return await readOnce(await reopen(own, error), offset, bounded);
        } catch (error) {
          throw told(error);
        }
      }
    },
    [Symbol.asyncDispose]: closeOnce,
  };
}

type Held = Awaited<ReturnType<typeof openOnce>>;

async function openOnce(life: AgentLife, path: GuestPath, signal: AbortSignal) {
  const { agent, release } = life.hold();
  const begun = agent.request("open", { path });
  try {
    const { header } = await orAborted(begun, signal);
    return { agent, release, handle: readCount(header.handle), info: readInfo(header.info) };
  } catch (error) {
    void begun
      .then(({ header }) => agent.request("close", { handle: header.handle }))
      .catch(() => undefined)
      .finally(release);
    throw error;
  }
}

function inodeOf(version: string): string {
  return version.split("-")[0] ?? "";
}
