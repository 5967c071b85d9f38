// What a guest must see of this machine for an interpreter that is not in the system's folders: its programs and libraries, and nothing that
// may stand beside them, as in a user's ~/.local.

import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../../failure.ts";
import type { CommonLanguage } from "../templates.ts";
import type { Told } from "./ask-interpreter.ts";
import { guestHome, guestPrograms, type Place } from "./layout.ts";
import { guestVisible } from "./tools.ts";

/** Of the folder that an interpreter is installed in, what belongs to it. */
const parts: Readonly<Record<CommonLanguage, readonly string[]>> = {
  python: ["bin", "lib", "lib64", "include", "ssl", "pyvenv.cfg"],
  node: ["bin", "lib/node_modules", "include"],
};

/** A guest's own places: nothing of this machine is mounted there or below, nor over them. */
const ownPlaces = [guestHome, guestPrograms, "/proc", "/dev", "/etc"];

/** The kernel follows no more. */
const maxLinks = 40;

/** Throws Failure `configuration` where it lies in a place that is a guest's own. `named` is what the operator has called it. */
export function placesOf(
  language: CommonLanguage,
  named: string,
  { executable, prefixes }: Told,
): { readonly path: string; readonly pathPrefix: string; readonly places: readonly Place[] } {
  const whole = [...new Set(prefixes)].flatMap((prefix) => partsOf(language, prefix)).filter(isOutside);
  const isShown = (path: string) => !isOutside(path) || whole.some((place) => isIn(path, place));
  const rest = linksOf(executable).filter(({ path }) => !isShown(path));
  const places = [...new Set(whole)].map((place): Place => ({ path: place })).concat(rest);
  for (const place of places) refuseOwn(language, named, place.path);
  return { path: executable, pathPrefix: `${dirname(executable)}:`, places };
}

/** A conda environment is all of one piece. */
function partsOf(language: CommonLanguage, folder: string): readonly string[] {
  if (existsSync(join(folder, "conda-meta"))) return [folder];
  return parts[language].map((part) => join(folder, part)).filter((path) => existsSync(path));
}

/** The program and what it is a link to, each as it is. */
function linksOf(path: string): readonly Place[] {
  const places: Place[] = [];
  let at = path;
  while (places.length < maxLinks && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) {
    const link = readlinkSync(at);
    places.push({ path: at, link });
    at = resolve(dirname(at), link);
  }
  return [...places, { path: at }];
}

/** By its name alone: where a link leads is a matter of its own. */
function isOutside(path: string): boolean {
  return !guestVisible.some((prefix) => path.startsWith(prefix));
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function refuseOwn(language: CommonLanguage, named: string, path: string): void {
  const own = ownPlaces.find((place) => isIn(path, place) || isIn(place, path));
  if (own === undefined) return;
  throw new Failure(
    "configuration",
    `The ${language} interpreter ${named} cannot be shown to sandboxes: ${path} is of it, and ${own} is a sandbox's own.`,
    { advice: ["Install it elsewhere, for example in a folder below /opt."], context: { language } },
  );
}
