// Removing what was kept, on a disk that may have become read-only meanwhile: a session ends all the same, and the next start removes it.

import { rmSync } from "node:fs";

/** A file, or a folder with all that is in it. */
export function removeIfMay(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // What is not wanted any more is in nobody's way.
  }
}
