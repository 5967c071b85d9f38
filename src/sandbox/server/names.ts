// Names of sandboxes on the server: which installation's, which session's, which incarnation's.
// "msb-<installation>-<session id>-<incarnation>", so that a sweep can tell its own from a stranger's.

export type SandboxName = {
  readonly installation: string;
  readonly sessionId: string;
  readonly incarnation: string;
};

/** The server's limit on names of sandboxes and namespaces, in characters of [A-Za-z0-9_-] (reference section 6). */
const nameLimit = 63;
const prefix = "msb";
const installationLength = 8;
const incarnationLength = 5;
/** 44: exactly the length of "session-" and a UUID. */
const sessionLength = nameLimit - prefix.length - installationLength - incarnationLength - 3;

const pattern = new RegExp(
  `^${prefix}-([a-z0-9]{${installationLength}})-([A-Za-z0-9_-]{1,${sessionLength}})-([a-z0-9]{${incarnationLength}})$`,
);

/**
 * The name of a sandbox. A session id that does not fit is replaced by a hash of the whole of it.
 *
 * `installation` is as `installationTag` gives it, `incarnation` as an `incarnations` sequence does.
 */
export function sandboxName(installation: string, sessionId: string, incarnation: string): string {
  const fits = sessionId.length <= sessionLength && /^[A-Za-z0-9_-]+$/.test(sessionId);
  return `${prefix}-${installation}-${fits ? sessionId : hash(sessionId).slice(0, sessionLength)}-${incarnation}`;
}

/** The parts of a name that `sandboxName` made; null for everybody else's. */
export function parseSandboxName(name: string): SandboxName | null {
  const [, installation, sessionId, incarnation] = pattern.exec(name) ?? [];
  return installation === undefined || sessionId === undefined || incarnation === undefined
    ? null
    : { installation, sessionId, incarnation };
}

/** An installation's id as it stands in names: itself where it fits, else a hash of it. */
export function installationTag(installationId: string): string {
  return /^[a-z0-9]{8}$/.test(installationId) ? installationId : hash(installationId).slice(0, installationLength);
}

/**
 * Yields a different incarnation each time, and other ones than a process of an earlier second: the layer of a name that
 * was used before still has that sandbox's files (hazard e).
 */
export function* incarnations(nowMs: number): Generator<string, never> {
  // Seconds in base 36 come round after almost two years.
  const size = 36 ** incarnationLength;
  for (let count = Math.floor(nowMs / 1000); ; count += 1) {
    yield (count % size).toString(36).padStart(incarnationLength, "0");
  }
}

function hash(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
