// Folders of the host that sandboxes share: their type, how `--shared-volume` is written, and which folders may be shared.
// Mounting them is the adapters' part.

import { realpathSync, statSync } from "node:fs";
import { posix } from "node:path";

export type Volume = {
  /** Absolute and resolved (no symbolic links), checked at start-up. */
  readonly hostPath: string;
  /** Absolute, inside the sandbox. */
  readonly guestPath: string;
  readonly readOnly: boolean;
};

/** Where a run may change files of theirs, as the guest has it. */
export function writableFolders(volumes: readonly Volume[]): readonly string[] {
  return volumes.filter(({ readOnly }) => !readOnly).map(({ guestPath }) => guestPath);
}

/** Never shared, nor anything below: they are the machine itself, or hold its devices, sockets and secrets. */
const hostSystemPlaces = ["/proc", "/sys", "/dev", "/etc", "/usr", "/boot", "/run", "/bin", "/sbin", "/lib", "/lib64"];

/** Nothing is mounted there or below: the guest's own system. */
const guestSystemPlaces = [...hostSystemPlaces, "/lib32", "/libx32", "/opt/msb"];

/** Nothing is mounted exactly there (below is fine): the guest's own writable places. */
const guestOwnPlaces = ["/", "/tmp", "/var", "/home", "/home/user"];

const shape = 'allowed is "/host/folder:/guest/folder", with ":ro" behind it for read-only';

/**
 * Reads `--shared-volume`: a JSON array of `host:guest` strings, or the same as a comma list, each with an optional `:ro` (or `:rw`).
 * Checks every host folder on this machine. Never throws: whatever is not allowed is a problem that names the value and the rule.
 */
export function parseVolumes(text: string): { volumes: Volume[]; problems: string[] } {
  const volumes: Volume[] = [];
  const problems: string[] = [];
  const entries = splitEntries(text);
  if (typeof entries === "string") return { volumes, problems: [entries] };
  for (const entry of entries) {
    const volume = parseVolume(entry);
    const problem = typeof volume === "string" ? volume : overlapProblem(volume, volumes);
    if (problem !== null) problems.push(`${JSON.stringify(entry)}: ${problem}`);
    else if (typeof volume !== "string") volumes.push(volume);
  }
  return { volumes, problems };
}

function splitEntries(text: string): readonly string[] | string {
  const trimmed = text.trim();
  if (!trimmed.startsWith("[")) {
    return trimmed
      .split(",")
      .map((entry) => entry.trim())
      .filter((entry) => entry !== "");
  }
  const wrong = `${JSON.stringify(trimmed)}: not a JSON array of strings; allowed is ["/host/folder:/guest/folder", …]`;
  try {
    const parsed: unknown = JSON.parse(trimmed);
    const isList = Array.isArray(parsed) && parsed.every((entry) => typeof entry === "string");
    return isList ? parsed : wrong;
  } catch {
    return wrong;
  }
}

/** The volume, or what is wrong with it. */
function parseVolume(entry: string): Volume | string {
  const readOnly = entry.endsWith(":ro");
  const pair = readOnly || entry.endsWith(":rw") ? entry.slice(0, -":ro".length) : entry;
  // The last colon, so that a host folder may have one in its name.
  const colon = pair.lastIndexOf(":");
  if (colon <= 0 || colon === pair.length - 1) return shape;
  const guestPath = pair.slice(colon + 1);
  const problem = guestProblem(guestPath);
  if (problem !== null) return problem;
  const host = resolveHostPath(pair.slice(0, colon));
  return "problem" in host ? host.problem : { hostPath: host.path, guestPath: withoutSlash(guestPath), readOnly };
}

function guestProblem(guestPath: string): string | null {
  const path = withoutSlash(guestPath);
  if (!path.startsWith("/")) return `the guest path ${guestPath} is not absolute; ${shape}`;
  if (path.includes("\0") || posix.normalize(path) !== path) {
    return `the guest path ${guestPath} is not normalised; allowed is a path without "..", "." and "//"`;
  }
  if (guestOwnPlaces.includes(path) || guestSystemPlaces.some((place) => isWithin(path, place))) {
    return `the guest path ${guestPath} belongs to the sandbox's own system; allowed is a path such as /data or /home/user/data`;
  }
  return null;
}

function resolveHostPath(hostPath: string): { readonly path: string } | { readonly problem: string } {
  if (!hostPath.startsWith("/")) return { problem: `the host path ${hostPath} is not absolute; ${shape}` };
  let path: string;
  try {
    path = realpathSync(hostPath);
    if (!statSync(path).isDirectory()) {
      return { problem: `the host path ${hostPath} is not a folder; allowed is an existing folder` };
    }
  } catch {
    return { problem: `the host path ${hostPath} does not exist or cannot be read; allowed is an existing folder` };
  }
  if (path === "/" || hostSystemPlaces.some((place) => isWithin(path, place))) {
    const resolved = path === hostPath ? "" : ` (which is ${path})`;
    return { problem: `the host path ${hostPath}${resolved} is part of the system; allowed is a folder of your own` };
  }
  return { path };
}

/** One mount over or inside another would make a folder of the outer one's host appear or vanish. */
function overlapProblem(volume: Volume, others: readonly Volume[]): string | null {
  const other = others.find(
    ({ guestPath }) => isWithin(volume.guestPath, guestPath) || isWithin(guestPath, volume.guestPath),
  );
  if (other === undefined) return null;
  return `the guest path ${volume.guestPath} overlaps with ${other.guestPath} of another volume; allowed are separate paths`;
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
