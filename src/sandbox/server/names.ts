// Names of sandboxes on the server, which are used again and again: each costs the server time for ever, so that there may be only so
// many. "msb-<installation>-<place>", so that a sweep can tell its own from a stranger's; who has one is not in it.

/** Which name of this installation it is. */
export type PlaceName = {
  readonly installation: string;
  readonly place: number;
  /** Counts how often the place was given a new name, because the one before could not be used again. */
  readonly turn: number;
  /** The sandbox that clears the place's files away between two sessions. */
  readonly isCleaner: boolean;
};

const installationLength = 8;
const pattern = new RegExp(`^msb-([a-z0-9]{${installationLength}})-(\\d{3,6})(?:-t(\\d{1,6}))?(-clean)?$`);

/** The namespace of a place, and its first name. */
export function placeName(installation: string, place: number): string {
  return `msb-${installation}-${String(place).padStart(3, "0")}`;
}

export function sandboxName(installation: string, place: number, turn: number): string {
  return turn === 0 ? placeName(installation, place) : `${placeName(installation, place)}-t${turn}`;
}

export function cleanerName(installation: string, place: number): string {
  return `${placeName(installation, place)}-clean`;
}

/** The parts of a name that is this program's; null for everybody else's. */
export function parsePlaceName(name: string): PlaceName | null {
  const [, installation, place, turn, cleaner] = pattern.exec(name) ?? [];
  if (installation === undefined || place === undefined) return null;
  return { installation, place: Number(place), turn: Number(turn ?? 0), isCleaner: cleaner !== undefined };
}

/** A sandbox's name in this program: with the session that has it, so that the next one's is another name. */
export function heldName(sandbox: string, sessionId: string): string {
  return `${sandbox}@${sessionId}`;
}

/** What `heldName` was made of; a name without a session is the server's own. */
export function parseHeldName(name: string): { readonly sandbox: string; readonly sessionId: string | null } {
  const at = name.indexOf("@");
  return at < 0 ? { sandbox: name, sessionId: null } : { sandbox: name.slice(0, at), sessionId: name.slice(at + 1) };
}

/** An installation's id as it stands in names: itself where it fits, else a hash of it. */
export function installationTag(installationId: string): string {
  return /^[a-z0-9]{8}$/.test(installationId) ? installationId : hash(installationId).slice(0, installationLength);
}

function hash(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
