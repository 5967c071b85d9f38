// Archives as `docker save` writes them, loaded into the runtime's cache once: a tag with the archive's hash stays there and says so to
// later processes.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Image, ImageHandle } from "microsandbox";
import { Failure } from "../../../failure.ts";

export type ImageStore = Pick<typeof Image, "get" | "load">;

/** Undefined for an image that the runtime has not. Throws Failure `sandbox_creation`. */
export async function findImage(store: ImageStore, reference: string): Promise<ImageHandle | undefined> {
  return await store.get(reference).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "imageNotFound") return undefined;
    throw new Failure("sandbox_creation", "the runtime's images cannot be read.", { cause: error });
  });
}

type Loaded = {
  /** Of the file: changes when it does. */
  readonly identity: string;
  /** Digests of the references that are known to come from it. */
  readonly digests: ReadonlyMap<string, string | null>;
};

export class ArchiveLoader {
  readonly #store: ImageStore;
  /** By path, as the next: at most as many as there are templates, and one. */
  readonly #loaded = new Map<string, Loaded>();
  readonly #lastTurn = new Map<string, Promise<void>>();

  constructor(store: ImageStore) {
    this.#store = store;
  }

  /**
   * Resolves once the runtime has the archive's images, and this reference among them if one is asked for. One archive is loaded by one caller at a
   * time.
   *
   * Throws Failure `configuration` for an archive that cannot be read, is none, or does not hold the reference.
   */
  async load(path: string, reference: string | undefined, tell: (message: string) => void): Promise<void> {
    const turn = (this.#lastTurn.get(path) ?? Promise.resolve()).then(() => this.#loadNow(path, reference, tell));
    this.#lastTurn.set(
      path,
      turn.catch(() => undefined),
    );
    await turn;
  }

  async #loadNow(path: string, reference: string | undefined, tell: (message: string) => void): Promise<void> {
    const name = basename(path);
    const identity = await identityOf(path);
    const former = this.#loaded.get(path);
    const asked = reference === undefined ? undefined : await findImage(this.#store, reference);
    if (former?.identity === identity && isFrom(former.digests, reference, asked)) return;

    tell(`reading the archive ${name}`);
    const mark = `${markName}${await hashOf(path)}`;
    const marked = await findImage(this.#store, mark);
    // The mark is on the first image. If the reference is another one, or means something else by now, all is loaded again.
    if (marked !== undefined && (reference === undefined || asked?.manifestDigest === marked.manifestDigest)) {
      const known = former?.identity === identity ? former.digests : [];
      const digests = new Map([...known, [reference ?? mark, marked.manifestDigest]]);
      this.#loaded.set(path, { identity, digests });
      return;
    }
    tell(`loading the archive ${name}`);
    const handles = await this.#store.load(path, { tag: mark }).catch((error: unknown) => {
      throw unusable(`the archive ${name} cannot be loaded.`, error);
    });
    const digests = new Map(handles.map((handle) => [handle.reference, handle.manifestDigest]));
    this.#loaded.set(path, { identity, digests });
    if (reference === undefined || digests.has(reference)) return;
    const names = [...digests.keys()].filter((held) => held !== mark);
    throw unusable(`the archive ${name} does not hold the image ${reference}; it holds ${names.join(", ") || "none"}.`);
  }
}

const markName = "msb-mcp/archive:";

function isFrom(digests: Loaded["digests"], reference: string | undefined, asked: ImageHandle | undefined): boolean {
  if (reference === undefined) return true;
  return asked !== undefined && digests.get(reference) === asked.manifestDigest;
}

async function identityOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw unusable(`the archive ${basename(path)} cannot be read.`, error);
  });
  if (!found.isFile()) throw unusable(`the archive ${basename(path)} is no file.`);
  return `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
}

async function hashOf(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 4_194_304 })) hasher.update(chunk);
  return hasher.digest("hex");
}

function unusable(what: string, cause?: unknown): Failure {
  return new Failure("configuration", what, {
    advice: ["Ask the operator to look at the archive; `msb-mcp pull` checks it."],
    cause,
  });
}
