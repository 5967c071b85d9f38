// The file of hashed tokens (--auth-token-file): one `NAME:SHA256` a line, `#` begins a comment. Made with
// `printf %s "$TOKEN" | sha256sum`. A name may stand on several lines, so that a token can be changed without a gap.

import { open } from "node:fs/promises";
import { platform } from "node:os";
import { localPrincipal, type TokenDigest } from "./tokens.ts";

export type TokenFile = { readonly digests: readonly TokenDigest[]; readonly problems: readonly string[] };

/** Bounds a file named by mistake, in bytes; about 10,000 lines. */
const maxFileBytes = 1_048_576;

/** Never throws for what the file is or holds: every problem is told, by line number, without the line's text. */
export async function readTokenFile(path: string): Promise<TokenFile> {
  const read = await readOwnFile(path);
  if (!read.ok) return { digests: [], problems: [`--auth-token-file (MCP_AUTH_TOKEN_FILE): ${path} ${read.problem}`] };

  const lines = read.text
    .split("\n")
    .map((line, index) => ({ number: index + 1, text: line.replace(/#.*/, "").trim() }));
  const entries = lines
    .filter(({ text }) => text !== "")
    .map(({ number, text }) => ({ number, digest: digestOf(text) }));
  const digests = entries.map(({ digest }) => digest).filter((digest) => digest !== undefined);
  const seen = new Map<string, string>();
  const problems = entries.flatMap(({ number, digest }) => {
    if (digest === undefined) return [`${path} line ${number} is not NAME:SHA256 (64 hexadecimal digits)`];
    if (digest.principal === localPrincipal) return [`${path} line ${number} has the name of callers without a token`];
    const hex = Buffer.from(digest.sha256).toString("hex");
    const owner = seen.get(hex) ?? digest.principal;
    seen.set(hex, owner);
    return owner === digest.principal ? [] : [`${path} line ${number} gives the token of ${owner} to a second name`];
  });
  if (entries.length === 0) problems.push(`${path} has no token`);
  return { digests, problems: problems.map((problem) => `--auth-token-file (MCP_AUTH_TOKEN_FILE): ${problem}`) };
}

function digestOf(line: string): TokenDigest | undefined {
  const [, principal, hex] = /^([\w.-]{1,32})\s*:\s*([0-9a-f]{64})$/i.exec(line) ?? [];
  return principal === undefined || hex === undefined ? undefined : { principal, sha256: Buffer.from(hex, "hex") };
}

async function readOwnFile(
  path: string,
): Promise<{ readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }> {
  try {
    await using file = await open(path, "r");
    const { mode, size } = await file.stat();
    // Digests of long random tokens may be read by others; whoever can write them can let himself in.
    if (platform() !== "win32" && (mode & 0o022) !== 0) {
      return { ok: false, problem: "may be written by others; it must be writable by its owner alone (chmod go-w)" };
    }
    if (size > maxFileBytes) return { ok: false, problem: `is larger than ${maxFileBytes} bytes` };
    return { ok: true, text: await file.readFile("utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    return { ok: false, problem: `cannot be read${code}` };
  }
}
