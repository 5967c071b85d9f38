// The other nodes that this one knew last, kept in its state directory: after a restart without the registry, they tell whether that is away for all.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerAddress } from "./port.ts";

export interface RememberedPeers {
  /** Of the process before; empty if there was none, or what it left cannot be read. */
  read(): readonly PeerAddress[];
  /** Keeps these in place of the others. What cannot be written is not remembered. */
  keep(peers: readonly PeerAddress[]): void;
}

const fileName = "cluster-peers.json";

/** `folder`: of this server alone; undefined: nothing is remembered. */
export function openRememberedPeers(folder: string | undefined): RememberedPeers {
  if (folder === undefined) return { read: () => [], keep: () => undefined };
  const path = join(folder, fileName);
  let kept: string | undefined;
  return {
    read() {
      try {
        const content: unknown = JSON.parse(readFileSync(path, "utf8"));
        return Array.isArray(content) ? content.filter(isPeer) : [];
      } catch {
        return [];
      }
    },
    keep(peers) {
      const text = `${JSON.stringify(peers.map(({ id, address, epoch }) => ({ id, address, epoch })))}\n`;
      if (text === kept) return;
      kept = text;
      try {
        writeFileSync(`${path}.new`, text, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch {
        // On a full disk, or one that has become read-only.
      }
    },
  };
}

function isPeer(value: unknown): value is PeerAddress {
  const { id, address, epoch } = Object(value) as Partial<Record<keyof PeerAddress, unknown>>;
  return typeof id === "string" && typeof address === "string" && URL.canParse(address) && typeof epoch === "number";
}
