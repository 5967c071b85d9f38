// One server, one state directory: a claim on it that the system takes back however the process ends. Servers on stdio
// come in numbers, one a client: each takes a free folder below it, and is an installation of its own there. One that a killed server has
// left goes first, because what that left behind is looked for there only.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { type FileLock, lockFile } from "./file-lock.ts";

export type StateClaim = Disposable & {
  /** Where to keep what is this server's alone. */
  readonly folder: string;
  /** Tells servers on one state directory apart; empty for the one on HTTP. */
  readonly slot: string;
  /** No server has had it before. */
  readonly isFirst: boolean;
  /** False where the file system has no locks: nobody can tell then whether another server is there. */
  readonly isCertain: boolean;
  /** Where the server is reached, for the message to the next one that wants the directory. */
  tellUrl(url: string): void;
};

const lockName = "server.lock";
/** There while a server has the folder, and after one that was killed; says who it is, for people. */
const unfinishedName = "server.unfinished";

/** Servers on stdio at once on one state directory. */
const maxSlots = 64;

/** The directory must be there; `pid` is this process's. Throws Failure `configuration` if another server has it. */
export function claimState(stateDir: string, transport: "http" | "stdio", pid: number): StateClaim {
  const slots = transport === "http" ? [""] : Array.from({ length: maxSlots }, (_, at) => `stdio-${at}`);
  const isUnfinished = (slot: string) => existsSync(join(stateDir, slot, unfinishedName));
  for (const slot of slots.toSorted((a, b) => Number(isUnfinished(b)) - Number(isUnfinished(a)))) {
    const folder = join(stateDir, slot);
    const isFirst = !existsSync(join(folder, lockName));
    const lock = lockFolder(folder);
    if (lock === "taken") continue;
    if (lock === "unknown") {
      return { folder, slot, isFirst, isCertain: false, tellUrl: () => undefined, [Symbol.dispose]: () => undefined };
    }
    const mark = join(folder, unfinishedName);
    const tell = (who: object) => tryTo(() => writeFileSync(mark, `${JSON.stringify(who)}\n`, { mode: 0o600 }));
    tell({ pid });
    const release = () => {
      tryTo(() => rmSync(mark, { force: true }));
      lock[Symbol.dispose]();
    };
    const tellUrl = (url: string) => tell({ pid, url });
    return { folder, slot, isFirst, isCertain: true, tellUrl, [Symbol.dispose]: release };
  }
  const who =
    transport === "http"
      ? `another server${knownOf(join(stateDir, unfinishedName))} uses`
      : `${maxSlots} servers on stdio use`;
  throw new Failure("configuration", `${who} the state directory ${stateDir}.`, {
    advice: ["Stop it, or name another directory with --state-dir."],
  });
}

/** ` (process 123, http://…)`, as far as its mark tells. */
function knownOf(mark: string): string {
  try {
    const { pid, url }: { pid?: unknown; url?: unknown } = JSON.parse(readFileSync(mark, "utf8").slice(0, 1000));
    if (typeof pid !== "number") return "";
    return typeof url === "string" ? ` (process ${pid}, ${url})` : ` (process ${pid})`;
  } catch {
    // Of an earlier version, or being written just now.
    return "";
  }
}

/** On a disk that is full there is no mark, and the folder is found again by its number only. */
function tryTo(act: () => void): void {
  try {
    act();
  } catch {
    // As above.
  }
}

function lockFolder(folder: string): FileLock | "taken" | "unknown" {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return "unknown";
  }
  return lockFile(join(folder, lockName), "alone");
}
