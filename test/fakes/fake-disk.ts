// The files of a fake sandbox, as nodes in memory that are found as Linux finds them: links followed, ".." from where a link has led.

export const fakeHome = "/home/user";

export type FakeNode = FakeFile | FakeFolder | FakeLink | FakeOther;

type Common = { permissions: number; modifiedMs: number; version: number };
export type FakeFile = Common & { readonly kind: "file"; bytes: Uint8Array };
export type FakeFolder = Common & { readonly kind: "folder"; readonly entries: Map<string, FakeNode> };
export type FakeLink = Common & { readonly kind: "link"; readonly target: string };
export type FakeOther = Common & { readonly kind: "other" };

/** Where a name is, or would be: in a folder that is there. */
export type Place = { readonly folder: FakeFolder; readonly name: string; readonly node: FakeNode | undefined };

/** Named as errno(3) does. */
export class DiskError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const maxLinks = 40;

export class FakeDisk {
  readonly root: FakeFolder;
  readonly nowMs: () => number;
  /** Bytes that fit; as many as one likes at first. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Of writes that come in parts and are not whole yet, by path and id. */
  readonly parts = new Map<string, Uint8Array>();
  #versions = 0;

  constructor(nowMs: () => number = () => 0) {
    this.nowMs = nowMs;
    this.root = this.folder();
    this.makeFolder(fakeHome);
    this.makeFolder("/tmp");
  }

  /** The newest there is. */
  get version(): number {
    return this.#versions;
  }

  folder(): FakeFolder {
    return { kind: "folder", entries: new Map(), ...this.#common(0o755) };
  }

  file(bytes: Uint8Array, permissions = 0o644): FakeFile {
    return { kind: "file", bytes, ...this.#common(permissions) };
  }

  link(target: string): FakeLink {
    return { kind: "link", target, ...this.#common(0o777) };
  }

  /** The content changed, or what is in a folder. */
  touch(node: FakeNode): void {
    Object.assign(node, this.#stamp());
  }

  /** Anything by its name, for tests: folders above are made, whatever was there gives way. */
  put(path: string, content: string | Uint8Array | { readonly link: string } | { readonly other: true }): void {
    const absolute = path.startsWith("/") ? path : `${fakeHome}/${path}`;
    this.makeFolder(absolute.slice(0, absolute.lastIndexOf("/")) || "/");
    const { folder, name } = this.place(absolute, "itself");
    folder.entries.set(name, this.#nodeOf(content));
    this.touch(folder);
  }

  /** As `cat` has it; undefined if there is none. */
  text(path: string): string | undefined {
    try {
      const node = this.node(path);
      return node.kind === "file" ? new TextDecoder().decode(node.bytes) : undefined;
    } catch {
      return undefined;
    }
  }

  node(path: string, last: "target" | "itself" = "target"): FakeNode {
    const { node } = this.place(path, last);
    if (node === undefined) throw new DiskError("ENOENT");
    return node;
  }

  /** `last`: whether a link at the end is followed. */
  place(path: string, last: "target" | "itself"): Place {
    const stack: FakeFolder[] = [this.root];
    let place: Place = { folder: this.root, name: ".", node: this.root };
    let todo = namesOf(path.startsWith("/") ? path : `${fakeHome}/${path}`);
    for (let links = 0; ; ) {
      const [name, ...rest] = todo;
      if (name === undefined) return place;
      if (Buffer.byteLength(name.replace(/[\udc80-\udcff]/g, "x")) > 255) throw new DiskError("ENAMETOOLONG");
      todo = rest;
      const folder = stack.at(-1) ?? this.root;
      if (name === "..") {
        if (stack.length > 1) stack.pop();
        place = { folder, name: ".", node: stack.at(-1) };
        continue;
      }
      const node = folder.entries.get(name);
      place = { folder, name, node };
      if (node?.kind === "link" && (rest.length > 0 || last === "target")) {
        links++;
        if (links > maxLinks) throw new DiskError("ELOOP");
        if (node.target.startsWith("/")) stack.splice(1);
        todo = [...namesOf(node.target), ...rest];
        if (todo.length === 0) place = { folder: this.root, name: ".", node: stack.at(-1) };
      } else if (node?.kind === "folder") stack.push(node);
      else if (rest.length > 0) throw new DiskError(node === undefined ? "ENOENT" : "ENOTDIR");
    }
  }

  /** With those above it. */
  makeFolder(path: string): void {
    const names = namesOf(path.startsWith("/") ? path : `${fakeHome}/${path}`);
    for (let count = 1; count <= names.length; count++) {
      const { folder, name, node } = this.place(`/${names.slice(0, count).join("/")}`, "target");
      if (node === undefined) {
        folder.entries.set(name, this.folder());
        this.touch(folder);
      } else if (node.kind !== "folder") throw new DiskError(count === names.length ? "EEXIST" : "ENOTDIR");
    }
  }

  usedBytes(folder: FakeFolder = this.root): number {
    return [...folder.entries.values()].reduce((sum, node) => {
      if (node.kind === "folder") return sum + this.usedBytes(node);
      return node.kind === "file" ? sum + node.bytes.length : sum;
    }, 0);
  }

  #nodeOf(content: Parameters<FakeDisk["put"]>[1]): FakeNode {
    if (typeof content === "string") return this.file(new TextEncoder().encode(content));
    if (content instanceof Uint8Array) return this.file(content);
    if ("link" in content) return this.link(content.link);
    return { kind: "other", ...this.#common(0o644) };
  }

  #common(permissions: number): Common {
    return { permissions, ...this.#stamp() };
  }

  #stamp(): Omit<Common, "permissions"> {
    this.#versions++;
    return { modifiedMs: this.nowMs(), version: this.#versions };
  }
}

export function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
