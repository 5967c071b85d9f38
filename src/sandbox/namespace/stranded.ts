// Boots that a killed server has left half done. A bubblewrap that loses its parent while its own child waits for it ends, and
// the child waits for ever. It is known by the files in memory that it has inherited, which bear the server's name.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Libc, signals } from "./libc.ts";
import { allPids, readProcess } from "./processes.ts";

/** The name of a server's files in memory: its installation's, and its own for all time. */
export function memoryLabel(installation: string, serverPid: number): string {
  return `msb-mcp-${installation}-${serverPid}-${readProcess(serverPid)?.startTicks ?? 0}`;
}

/** Ends what servers of this installation that are no more were booting. False if there was something, and may be more. */
export function killStranded(libc: Libc, installation: string): boolean {
  const found = allPids().filter((pid) => isStranded(pid, installation));
  for (const pid of found) libc.kill(pid, signals.kill);
  return found.length === 0;
}

function isStranded(pid: number, installation: string): boolean {
  try {
    if (readFileSync(`/proc/${pid}/comm`, "latin1") !== "bwrap\n") return false;
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const link = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      const [, tag, server, ticks] = /^\/memfd:msb-mcp-([0-9a-f]+)-(\d+)-(\d+) /.exec(link) ?? [];
      return tag === installation && readProcess(Number(server))?.startTicks !== Number(ticks);
    });
  } catch {
    // It has ended, or is somebody else's.
    return false;
  }
}
