// Files of a fake sandbox: what files.ts promises, over a disk in memory.

import { Failure } from "../../src/failure.ts";
import { fileFailure } from "../../src/sandbox/file-failures.ts";
import {
  type FileInfo,
  type Files,
  type GuestPath,
  maxReadBytes,
  type OpenedFile,
  type WalkOptions,
  type WriteOptions,
} from "../../src/sandbox/files.ts";
import { bytesOfGuestPath } from "../../src/sandbox/guest-paths.ts";
import { untilAborted } from "../../src/sandbox/until-aborted.ts";
import {
  DiskError,
  type FakeDisk,
  type FakeFile,
  type FakeFolder,
  type FakeNode,
  fakeHome,
  namesOf,
} from "./fake-disk.ts";

export class FakeFiles implements Files {
  readonly #disk: FakeDisk;
  /** Why the sandbox is lost, if it is. */
  readonly #lost: () => string | null;

  constructor(disk: FakeDisk, lost: () => string | null = () => null) {
    this.#disk = disk;
    this.#lost = lost;
  }

  async stat(path: GuestPath, signal: AbortSignal): Promise<FileInfo> {
    return await this.#do(path, signal, () => this.#info(path, this.#disk.node(path)));
  }

  async *walk(path: GuestPath, options: WalkOptions, signal: AbortSignal): AsyncGenerator<FileInfo> {
    const folder = await this.#do(path, signal, () => this.#folder(path));
    yield* this.#below(this.#named(path), folder, options, signal);
  }

  async open(path: GuestPath, signal: AbortSignal): Promise<OpenedFile> {
    return await this.#do(path, signal, () => {
      const file = this.#file(this.#disk.node(path));
      return {
        info: this.#info(path, file),
        read: async (offset, length) => {
          signal.throwIfAborted();
          this.#throwIfLost();
          return file.bytes.slice(offset, offset + Math.min(length, maxReadBytes));
        },
        [Symbol.asyncDispose]: async () => {},
      };
    });
  }

  async write(
    path: GuestPath,
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<FileInfo> {
    await this.#do(path, signal, () => this.#throwIfUnwritable(path, options));
    const { part } = options;
    const pieces: Uint8Array[] = part === undefined ? [] : [this.#soFar(path, part.id, part.offset)];
    for await (const piece of untilAborted(content, signal)) {
      pieces.push(piece.slice());
      await this.#do(path, signal, () => {});
      if (part !== undefined) this.#disk.parts.set(this.#partKey(path, part.id), Buffer.concat(pieces));
    }
    return await this.#do(path, signal, () => {
      const bytes = new Uint8Array(Buffer.concat(pieces));
      if (part === undefined || part.isLast) return this.#finish(path, bytes, options);
      this.#disk.parts.set(this.#partKey(path, part.id), bytes);
      return { ...this.#info(path, this.#disk.file(bytes)), sizeBytes: bytes.length };
    });
  }

  async partBytes(path: GuestPath, partId: string, signal: AbortSignal): Promise<number | null> {
    return await this.#do(path, signal, () => this.#disk.parts.get(this.#partKey(path, partId))?.length ?? null);
  }

  async makeFolder(path: GuestPath, signal: AbortSignal): Promise<void> {
    await this.#do(path, signal, () => this.#disk.makeFolder(path));
  }

  async makeLink(path: GuestPath, target: GuestPath, signal: AbortSignal): Promise<void> {
    await this.#do(path, signal, () => {
      const { folder, name, node } = this.#disk.place(path, "itself");
      if (node !== undefined) throw new DiskError("EEXIST");
      bytesOfGuestPath(target);
      folder.entries.set(name, this.#disk.link(target));
      this.#disk.touch(folder);
    });
  }

  async remove(path: GuestPath, options: { readonly withContent: boolean }, signal: AbortSignal): Promise<void> {
    await this.#do(path, signal, () => {
      const { folder, name, node } = this.#disk.place(path, "itself");
      if (node === undefined) throw new DiskError("ENOENT");
      if (name === ".") throw new DiskError("EBUSY");
      if (node.kind === "folder" && node.entries.size > 0 && !options.withContent) throw new DiskError("ENOTEMPTY");
      folder.entries.delete(name);
      this.#disk.touch(folder);
    });
  }

  async move(
    from: GuestPath,
    to: GuestPath,
    options: { readonly replace: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const source = await this.#do(from, signal, () => {
      const place = this.#disk.place(from, "itself");
      if (place.node === undefined) throw new DiskError("ENOENT");
      return { ...place, node: place.node };
    });
    await this.#do(to, signal, () => {
      const target = this.#disk.place(to, "itself");
      if (target.node === source.node) return;
      if (source.node.kind === "folder" && `${this.#named(to)}/`.startsWith(`${this.#named(from)}/`)) {
        throw new DiskError("EINTOITSELF");
      }
      if (target.node !== undefined) throwIfKept(source.node, target.node, options.replace);
      source.folder.entries.delete(source.name);
      target.folder.entries.set(target.name, source.node);
      this.#disk.touch(source.folder);
      this.#disk.touch(target.folder);
    });
  }

  /** What the disk says becomes what the port promises. */
  async #do<T>(path: GuestPath, signal: AbortSignal, act: () => T): Promise<T> {
    // A turn, so that what is on at once mixes.
    await Promise.resolve();
    signal.throwIfAborted();
    this.#throwIfLost();
    bytesOfGuestPath(path);
    try {
      return act();
    } catch (error) {
      throw error instanceof DiskError ? fileFailure(error.code, path) : error;
    }
  }

  #throwIfLost(): void {
    const reason = this.#lost();
    if (reason !== null) throw new Failure("code_execution", `The sandbox of this session was lost: ${reason}.`);
  }

  async *#below(path: string, folder: FakeFolder, options: WalkOptions, signal: AbortSignal): AsyncGenerator<FileInfo> {
    for (const name of [...folder.entries.keys()].sort(compareGuestPaths)) {
      await Promise.resolve();
      signal.throwIfAborted();
      this.#throwIfLost();
      const node = folder.entries.get(name);
      if (node === undefined) continue;
      const at = path === "/" ? `/${name}` : `${path}/${name}`;
      yield this.#info(at, node);
      const isEntered = options.depth > 1 && options.skip?.includes(name) !== true;
      if (node.kind === "folder" && isEntered) {
        yield* this.#below(at, node, { ...options, depth: options.depth - 1 }, signal);
      }
    }
  }

  #throwIfUnwritable(path: GuestPath, { mode, makeFolders }: WriteOptions): void {
    if (path.endsWith("/")) throw new DiskError("EISDIR");
    if (makeFolders) this.#disk.makeFolder(this.#named(path).replace(/\/[^/]*$/, "") || "/");
    const { node } = this.#disk.place(path, mode === "new" ? "itself" : "target");
    if (node === undefined) return;
    if (mode === "new") throw new DiskError("EEXIST");
    this.#file(node);
  }

  #finish(path: GuestPath, bytes: Uint8Array, options: WriteOptions): FileInfo {
    this.#throwIfUnwritable(path, options);
    const { folder, name, node } = this.#disk.place(path, "target");
    if (this.#disk.usedBytes() + bytes.length > this.#disk.capacityBytes) throw new DiskError("ENOSPC");
    const old = node === undefined ? undefined : this.#file(node);
    const { ifVersion } = options;
    if (ifVersion !== undefined && (old === undefined || this.#info(path, old).version !== ifVersion)) {
      throw new DiskError("ECHANGED");
    }
    const whole = options.mode === "append" && old !== undefined ? Buffer.concat([old.bytes, bytes]) : bytes;
    const file = this.#disk.file(new Uint8Array(whole), old?.permissions ?? options.permissions);
    if (options.mode === "append" && old !== undefined) {
      old.bytes = file.bytes;
      this.#disk.touch(old);
    } else {
      folder.entries.set(name, file);
      this.#disk.touch(folder);
    }
    if (options.part !== undefined) this.#disk.parts.delete(this.#partKey(path, options.part.id));
    return this.#info(path, this.#disk.node(path));
  }

  #soFar(path: GuestPath, partId: string, offset: number): Uint8Array {
    const bytes = this.#disk.parts.get(this.#partKey(path, partId)) ?? new Uint8Array();
    if (offset > bytes.length) throw fileFailure("EPARTMISMATCH", path, { bytesSoFar: bytes.length });
    return bytes.subarray(0, offset);
  }

  #partKey(path: GuestPath, partId: string): string {
    return `${partId} ${this.#named(path)}`;
  }

  #folder(path: GuestPath): FakeFolder {
    const node = this.#disk.node(path);
    if (node.kind !== "folder") throw new DiskError("ENOTDIR");
    return node;
  }

  #file(node: FakeNode): FakeFile {
    if (node.kind === "folder") throw new DiskError("EISDIR");
    if (node.kind !== "file") throw new DiskError("ESPECIAL");
    return node;
  }

  /** Absolute, without "." and "..". */
  #named(path: GuestPath): GuestPath {
    const names: string[] = [];
    for (const name of namesOf(path.startsWith("/") ? path : `${fakeHome}/${path}`)) {
      if (name === "..") names.pop();
      else names.push(name);
    }
    return `/${names.join("/")}`;
  }

  #info(path: GuestPath, node: FakeNode): FileInfo {
    const { kind, permissions, modifiedMs, version } = node;
    const common = { path: this.#named(path), kind, permissions, modifiedMs, version: `v${version}` };
    if (node.kind === "link") return { ...common, sizeBytes: node.target.length, target: node.target };
    return { ...common, sizeBytes: node.kind === "file" ? node.bytes.length : 0 };
  }
}

function throwIfKept(source: FakeNode, target: FakeNode, replace: boolean): void {
  if (!replace) throw new DiskError("EEXIST");
  if (target.kind === "folder" && source.kind !== "folder") throw new DiskError("EISDIR");
  if (target.kind !== "folder" && source.kind === "folder") throw new DiskError("ENOTDIR");
  if (target.kind === "folder" && target.entries.size > 0) throw new DiskError("ENOTEMPTY");
}

/** By the bytes of their names, as `Files.walk` has them. */
export function compareGuestPaths(one: GuestPath, other: GuestPath): number {
  return Buffer.compare(bytesOfGuestPath(one), bytesOfGuestPath(other));
}
