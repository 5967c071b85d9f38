// transfer_file on stdio: a copy between a sandbox and folders of this machine, within those that the operator allows.

import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { Clock } from "../../clock.ts";
import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import { readBelow, writeBelow } from "../../folders/copies.ts";
import { readBetween } from "../../sandbox/read-between.ts";
import { meantPath, shownPath } from "../../sandbox/shown-paths.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { CallContext } from "../tool-set.ts";
import { plainResult } from "./plain.ts";

export type CopyFile = {
  readonly kind: "folders";
  /** Real paths. */
  readonly dirs: readonly string[];
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly emit: Emit;
};

type Args = {
  readonly session_id: string;
  readonly path: string;
  readonly direction: "upload" | "download";
  readonly host_path: string;
};

export function copyDescription({ dirs }: CopyFile): string {
  return dirs.length === 0
    ? "The operator allows no folder of this machine (--transfer-dir)."
    : `On this machine, in ${dirs.join(" or ")}; relative to ${dirs.length === 1 ? "it" : "the first"}.`;
}

/** Throws Failure `configuration` where no folder is allowed; what reading and writing throw. */
export async function copyFile(
  sessions: Pick<Sessions, "withFiles">,
  { dirs, maxBytes, clock, emit }: CopyFile,
  { session_id, path: named, direction, host_path }: Args,
  { principal, signal }: Pick<CallContext, "principal" | "signal">,
): Promise<CallToolResult> {
  if (dirs.length === 0) throw noFolders();
  const path = meantPath(named);
  const request = { principal, sessionId: session_id, signal };
  const startedMs = clock.monotonicMs();
  const told = (outcome: "whole" | "refused", bytes: number) => {
    const transfer = { sessionId: session_id, principal, way: "folder", direction, path: () => path } as const;
    emit({ type: "transfer.ended", ...transfer, bytes, outcome, durationMs: clock.monotonicMs() - startedMs });
  };
  try {
    const size_bytes = await sessions.withFiles(request, async ({ files, signal }) => {
      if (direction === "upload") {
        const content = readBelow(dirs, host_path, maxBytes);
        return (await files.write(path, content, { mode: "replace", makeFolders: true }, signal)).sizeBytes;
      }
      await using file = await files.open(path, signal);
      return await writeBelow(dirs, host_path, readBetween(file, 0, file.info.sizeBytes));
    });
    told("whole", size_bytes);
    return plainResult({ session_id, path: shownPath(path), host_path, direction, size_bytes });
  } catch (error) {
    told("refused", 0);
    throw error;
  }
}

function noFolders(): Failure {
  const what =
    "this server speaks stdio, so it has no URLs, and its operator allows no folder of this machine for copies.";
  return new Failure("configuration", what, {
    advice: [
      "Ask the operator to start it with --transfer-dir DIR, or use read_file and write_file for what is small.",
    ],
  });
}
