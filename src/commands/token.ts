// `msb-mcp token`: prints the token that a server of the same state directory made at its first start, for those who have no shell beside it,
// as in a container.

import { Failure } from "../failure.ts";
import { keptToken } from "../http/auth/first-token.ts";

export type TokenOptions = {
  readonly stateDir: string;
  /** Gets whole lines: the token alone. */
  readonly write: (line: string) => void;
  /** Gets whole lines, for people. */
  readonly complain: (line: string) => void;
};

/** The exit status: 0, or 1 if there is no such token. Never makes one. */
export async function token({ stateDir, write, complain }: TokenOptions): Promise<0 | 1> {
  try {
    const kept = await keptToken(stateDir);
    if (kept !== undefined) {
      write(kept);
      return 0;
    }
    complain(
      `msb-mcp: no token has been made in ${stateDir}. A server makes one at its first start, where a token is required and none is ` +
        "configured; --state-dir names the folder of another server.",
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    complain(`msb-mcp: ${error.message}`);
  }
  return 1;
}
