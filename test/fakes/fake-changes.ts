// What a run of the toy language has changed: the files of the home whose versions are newer than any there was before.

import type { ChangedFile, Changes } from "../../src/sandbox/files.ts";
import { type FakeDisk, type FakeFolder, fakeHome } from "./fake-disk.ts";

const maxFiles = 100;

export function changesSince(disk: FakeDisk, version: number): Changes {
  const home = disk.node(fakeHome);
  const files = home.kind === "folder" ? [...changedBelow(home, "", version)] : [];
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  return { files: sorted.slice(0, maxFiles), isComplete: files.length <= maxFiles };
}

function* changedBelow(folder: FakeFolder, above: string, version: number): Iterable<ChangedFile> {
  for (const [name, node] of folder.entries) {
    if (node.kind === "folder") yield* changedBelow(node, `${above}${name}/`, version);
    else if (node.kind === "file" && node.version > version) {
      yield { path: above + name, sizeBytes: node.bytes.length };
    }
  }
}
