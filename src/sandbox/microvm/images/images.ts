// Makes images available to the runtime before a sandbox boots from them: pulled from their registry, loaded from an archive, or, for a
// folder, looked at. Each image once at a time, however many sandboxes wait for it.

import type { SandboxBuilder } from "microsandbox";
import type { Clock } from "../../../clock.ts";
import type { ImageSource } from "../../templates.ts";
import { ArchiveLoader, findImage, type ImageStore } from "./archives.ts";
import { checkRootFolder } from "./folders.ts";
import { pullImage } from "./pulls.ts";

export type ImagesOptions = {
  /** The `Image` of the loaded microsandbox package. */
  readonly store: ImageStore;
  /** Path of the runtime's program, which pulls: the package itself pulls only what it boots at once. */
  readonly msb: string;
  /** An archive whose images serve for references that are not in the runtime's cache, before a registry is asked. */
  readonly archive?: string | undefined;
  readonly clock: Clock;
};

export type AvailableOptions = {
  /** Called with one short line at a time on what takes long; safe to show to a caller. */
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
};

type Flight = {
  readonly done: Promise<void>;
  readonly listeners: Set<(message: string) => void>;
  waiting: number;
  /** Aborts the work once nobody waits for it. */
  readonly stop: AbortController;
};

export class Images {
  readonly #options: ImagesOptions;
  readonly #archives: ArchiveLoader;
  /** By image; at most as many as there are templates. */
  readonly #flights = new Map<string, Flight>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#archives = new ArchiveLoader(options.store);
  }

  /**
   * Resolves once the runtime can boot from the image.
   *
   * Throws Failure `sandbox_creation` (a registry or an archive that fails) or `configuration` (a folder or an archive that is not what it should
   * be), whose messages have no paths; their causes do. Rejects with the signal's reason as soon as that aborts.
   */
  async makeAvailable(image: ImageSource, { onProgress, signal }: AvailableOptions): Promise<void> {
    signal.throwIfAborted();
    const key = JSON.stringify(image);
    const flight = this.#flights.get(key) ?? this.#start(key, image);
    if (onProgress !== undefined) flight.listeners.add(onProgress);
    flight.waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([flight.done, left]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (onProgress !== undefined) flight.listeners.delete(onProgress);
      if (--flight.waiting === 0) {
        flight.stop.abort();
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    }
  }

  #start(key: string, image: ImageSource): Flight {
    const listeners = new Set<(message: string) => void>();
    const stop = new AbortController();
    const tell = (message: string) => {
      for (const listener of listeners) listener(message);
    };
    const done = this.#bring(image, tell, stop.signal);
    // Those who wait have it too; without any, nobody would.
    done.catch(() => undefined);
    const flight = { done, listeners, waiting: 0, stop };
    this.#flights.set(key, flight);
    return flight;
  }

  async #bring(image: ImageSource, tell: (message: string) => void, signal: AbortSignal): Promise<void> {
    switch (image.kind) {
      case "folder":
        await checkRootFolder(image);
        return;
      case "archive":
        await this.#archives.load(image.path, image.reference, tell);
        return;
      case "registry":
        await this.#fetch(image.reference, tell, signal);
        return;
    }
  }

  async #fetch(reference: string, tell: (message: string) => void, signal: AbortSignal): Promise<void> {
    const { store, archive, msb, clock } = this.#options;
    if ((await findImage(store, reference)) !== undefined) return;
    if (archive !== undefined) {
      await this.#archives.load(archive, undefined, tell);
      if ((await findImage(store, reference)) !== undefined) return;
    }
    await pullImage({ msb, reference, onProgress: tell, signal, clock });
  }
}

/** Tells the builder what to boot from, in the runtime's words. */
export function applyImage(builder: Pick<SandboxBuilder, "imageWith">, image: ImageSource): void {
  // Never by the builder's `image`, which takes a reference such as "name.raw" for a disk and "./name" for a folder.
  builder.imageWith((source) => (image.kind === "folder" ? source.bind(image.path) : source.oci(image.reference)));
}
