// The token that is made at the first start where one is required and none configured, and found again at every later one.

import { randomBytes } from "node:crypto";
import { link, mkdir, open, rm } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { Failure } from "../../failure.ts";
import { isBearerToken } from "./bearer.ts";

export type FirstToken = { readonly path: string; readonly token: string; readonly isNew: boolean };

/** 256 bits, beyond any guessing, written in the characters of a bearer token. */
const tokenBytes = 32;

/** The one that an earlier start has made. Throws Failure("configuration") where the file cannot be read, or may be read by others. */
export async function keptToken(stateDir: string): Promise<string | undefined> {
  const path = firstTokenPath(stateDir);
  try {
    return await readToken(path);
  } catch (error) {
    throw error instanceof Failure ? error : unusable(path, error);
  }
}

/** Throws Failure("configuration") where the file cannot be made, cannot be read, or may be read by others. */
export async function firstToken(stateDir: string): Promise<FirstToken> {
  const path = firstTokenPath(stateDir);
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const kept = await readToken(path);
    if (kept !== undefined) return { path, token: kept, isNew: false };
    const token = randomBytes(tokenBytes).toString("base64url");
    if (await writeOnce(path, `${token}\n`)) return { path, token, isNew: true };
    const other = await readToken(path);
    if (other !== undefined) return { path, token: other, isNew: false };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unusable(path, error);
  }
  throw broken(path, "went away while it was read");
}

export function firstTokenPath(stateDir: string): string {
  return join(stateDir, "auth-token");
}

async function readToken(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
  await using _closing = file;
  const { mode } = await file.stat();
  if (platform() !== "win32" && (mode & 0o077) !== 0)
    throw broken(path, "may be read by others; it must have mode 0600");
  const token = (await file.readFile("utf8")).trim();
  if (token.length < 16 || !isBearerToken(token)) throw broken(path, "holds no token");
  return token;
}

/** Whole or not at all, and never over another's: of two servers that start at once, one makes the token and both use it. */
async function writeOnce(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await link(draft, path);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function unusable(path: string, cause: unknown): Failure {
  return new Failure("configuration", `the file of this server's own token, ${path}, cannot be used.`, {
    advice: ["Give the server a writable --state-dir, or a token with --auth-token (MCP_AUTH_TOKEN)."],
    cause,
  });
}

function broken(path: string, why: string): Failure {
  return new Failure("configuration", `the file of this server's own token, ${path}, ${why}.`, {
    advice: ["Delete it for a new token, or give one with --auth-token (MCP_AUTH_TOKEN)."],
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
