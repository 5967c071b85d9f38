// `--interpreter LANGUAGE=PATH`: which Python and which Node of this machine sandboxes use, where a backend uses the machine's own.

import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { type CommonLanguage, commonLanguages } from "./templates.ts";

/** Absolute paths. What each of them is, is found out when it is first used. */
export type InterpreterPaths = Readonly<Partial<Record<CommonLanguage, string>>>;

export const interpreterRule = `LANGUAGE=PATH, several as a comma list; a language is one of ${commonLanguages.join(", ")}, PATH a program that is there`;

/** Reads items such as `python=/opt/python3.13/bin/python3`; relative paths are taken from `folder`. Never throws: a problem a wrong item. */
export function parseInterpreters(
  items: readonly string[],
  folder: string,
): { paths: InterpreterPaths; problems: readonly string[] } {
  const paths: Partial<Record<CommonLanguage, string>> = {};
  const problems: string[] = [];
  for (const item of items) {
    const [, name, given = ""] = /^(\w+)=(.+)$/.exec(item) ?? [];
    const language = commonLanguages.find((candidate) => candidate === name);
    const path = resolve(folder, given);
    if (language === undefined) problems.push(`${JSON.stringify(item)} is not allowed; it must be ${interpreterRule}`);
    else if (paths[language] !== undefined) {
      problems.push(`${JSON.stringify(item)}: ${language} has a path already; allowed is one`);
    } else if (!isProgram(path)) problems.push(`${JSON.stringify(item)}: ${path} is ${programRule(path)}`);
    else paths[language] = path;
  }
  return { paths, problems };
}

/** A file that this process may start. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What is wrong with a path that is no program, and what is allowed; goes behind "is". */
export function programRule(path: string): string {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  return `${isThere ? "no file that may be executed" : "not there"}; allowed is the path of an interpreter, such as /opt/python/bin/python3`;
}
