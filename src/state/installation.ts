// What makes this installation itself: one secret in the state directory, made at the first start.

import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";

export type Installation = {
  /** Tells its sandboxes from those of others on the same backend. Not secret. */
  readonly id: string;
  /** Signs the ids of MCP sessions, so that clients keep theirs over a restart. Secret, 32 bytes. */
  readonly sessionKey: Uint8Array;
  /** Signs URLs of files, so that they stay valid over a restart. Secret, 32 bytes. */
  readonly linkKey: Uint8Array;
};

const secretBytes = 32;
const secretName = "installation-secret";

/**
 * The directory must be there (`openStateDir`). Several servers on one state directory are installations of their own by their `slot` (state-claim.ts).
 *
 * Throws Failure `configuration` if it cannot be used.
 */
export async function openInstallation(stateDir: string, slot = ""): Promise<Installation> {
  const path = join(stateDir, secretName);
  try {
    const hindrance = await makeOnce(path).catch(unlessReadOnly);
    const secret = (await readFile(path, "latin1").catch(unlessHindered(hindrance))).trim();
    return {
      id: derive(secret, ["installation id", slot].join(" ").trim()).toString("hex").slice(0, 16),
      sessionKey: derive(secret, "mcp session key"),
      linkKey: derive(secret, "file link key"),
    };
  } catch (error) {
    throw unusable(stateDir, error);
  }
}

/**
 * Makes the directory (0700) if need be. One that is ours already or empty is closed to others; any other keeps its mode, be it /tmp or /sys, and
 * is refused where others may write to it. Before anything else is written there.
 *
 * Throws Failure `configuration` if it cannot be used.
 */
export async function openStateDir(stateDir: string): Promise<void> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await keepToOurselves(stateDir);
  } catch (error) {
    throw error instanceof Failure ? error : unusable(stateDir, error);
  }
}

async function keepToOurselves(stateDir: string): Promise<void> {
  const names = await readdir(stateDir);
  if (names.length === 0 || names.includes(secretName)) {
    await chmod(stateDir, 0o700).catch(unlessReadOnly);
    return;
  }
  const { mode } = await stat(stateDir);
  if (platform() === "win32" || (mode & 0o022) === 0) return;
  const shown = (mode & 0o7777).toString(8);
  throw new Failure(
    "configuration",
    `the state directory ${stateDir} has files of others, who may write to it (mode ${shown}).`,
    {
      advice: ["Name a folder of its own with --state-dir, such as one in it."],
    },
  );
}

/** Of two servers that start at once, one makes it and both read it. */
async function makeOnce(path: string): Promise<undefined> {
  const secret = `${randomBytes(secretBytes).toString("hex")}\n`;
  await writeFile(path, secret, { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
    if (!isCode(error, "EEXIST")) throw error;
  });
}

/** What is there already can be read on a file system that has become read-only, and be enough. */
function unlessReadOnly(error: unknown): unknown {
  if (!isCode(error, "EROFS")) throw error;
  return error;
}

/** A file that is missing is missing for what kept it from being made. */
function unlessHindered(hindrance: unknown): (error: unknown) => never {
  return (error) => {
    throw hindrance ?? error;
  };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function derive(secret: string, purpose: string): Buffer {
  return createHash("sha256").update(`${purpose}\0${secret}`).digest();
}

/** The usual reasons, in words. */
const reasons: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  EACCES: "this user may not write to it",
  EPERM: "this user may not write to it",
  ENOSPC: "its disk is full",
  EDQUOT: "this user's share of its disk is full",
  ENOTDIR: "a part of the path is a file",
  EEXIST: "it is a file",
};

function unusable(stateDir: string, cause: unknown): Failure {
  const advice = ["Name a folder that this user can write to with --state-dir (MSB_MCP_STATE_DIR)."];
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = [reasons[code], code].filter(Boolean).join(", ");
  const why = reason === "" ? "" : ` (${reason})`;
  return new Failure("configuration", `the state directory ${stateDir} cannot be used${why}.`, { advice, cause });
}
