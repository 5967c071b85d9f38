// Holds the imports of one source against the table of directions.

import { posix } from "node:path";
import { type Import, importsOf } from "./imports.ts";
import { ground, packages, rooms } from "./table.ts";

/** `file` is its path in src/. One line a problem. */
export function problemsOf(file: string, source: string): readonly string[] {
  const room = roomOf(file);
  if (room === undefined) return [`src/${file} is in no room of the table`];
  return importsOf(file, source).flatMap((found) => {
    const why = isGuestProgram(file) ? whyNotInGuest(file, found) : whyNot(file, room, found);
    return why === undefined ? [] : [`src/${file}:${found.line} ${why}`];
  });
}

/** The room that a file of src/ is in. */
export function roomOf(file: string): string | undefined {
  const fitting = [...ground, ...Object.keys(rooms)].filter((room) => isIn(file, room));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

function whyNot(file: string, room: string, { from }: Import): string | undefined {
  if (from === null) return "imports what only a run names: name the module";
  if (ground.includes(room)) return `imports ${from}; ${room} imports nothing`;
  if (!from.startsWith(".")) return whyNotForeign(file, from);
  const target = posix.join("src", posix.dirname(file), from);
  // The version is read from there.
  if (target === "package.json") return undefined;
  const to = target.replace(/^src\//, "");
  const places = [room, ...ground, ...(rooms[room] ?? [])];
  if (places.some((place) => covers(place, to))) return undefined;
  return `imports ${target}; ${room} may import from ${places.join(", ")}`;
}

function whyNotForeign(file: string, from: string): string | undefined {
  const name = Object.keys(packages).find((name) => isIn(from, name));
  if (name === undefined) {
    return from.startsWith("node:") ? undefined : `imports ${from}, a package without a place in the table`;
  }
  const places = packages[name] ?? [];
  if (places.some((place) => isIn(file, place))) return undefined;
  return `imports ${from}, which ${places.length === 0 ? "nothing may" : `may only ${places.join(", ")}`}`;
}

/** What runs in the guest: it is carried there as text, and has nothing of ours there but its own kind. */
function isGuestProgram(file: string): boolean {
  return /\.[cm]js$/.test(file);
}

function whyNotInGuest(file: string, { from }: Import): string | undefined {
  // What the user's program names is imported for it.
  if (from === null || from.startsWith("node:")) return undefined;
  const target = posix.join(posix.dirname(file), from);
  if (from.startsWith(".") && isGuestProgram(target) && roomOf(target) === roomOf(file)) return undefined;
  return `imports ${from}; a program of the guest may import from Node.js and its own kind`;
}

function covers(place: string, file: string): boolean {
  if (place.endsWith("/**")) return isIn(file, place.slice(0, -"/**".length));
  return roomOf(file) === place || file === place;
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
