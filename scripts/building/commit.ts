// Which commit a folder is at, as builds name it.

/** Short hash, with "+dirty" if the tree has changes of its own; "unknown" without git. */
export async function commitOf(root: string): Promise<string> {
  const hash = await Bun.$`git rev-parse --short=12 HEAD`.cwd(root).nothrow().quiet();
  if (hash.exitCode !== 0) return "unknown";
  const status = await Bun.$`git status --porcelain`.cwd(root).nothrow().quiet();
  const isClean = status.exitCode === 0 && status.text().trim() === "";
  return `${hash.text().trim()}${isClean ? "" : "+dirty"}`;
}

/** When the commit was made, in seconds; what a release's files carry as their time. */
export async function commitTime(root: string): Promise<number> {
  const time = await Bun.$`git log -1 --format=%ct`.cwd(root).quiet();
  return Number(time.text().trim());
}
