// The programs of this machine that make a sandbox, and the interpreters that its guests will find.

import { realpathSync } from "node:fs";
import { Failure } from "../../failure.ts";
import type { Language } from "../templates.ts";

/** Absolute paths on the host. */
export type Tools = {
  readonly bwrap: string;
  readonly prlimit: string;
};

/** The guest's PATH, and where we look ourselves: only places that a guest sees, so no homes with version managers' shims. */
export const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** How paths begin that every guest sees. */
export const guestVisible = ["/usr/", "/bin/", "/sbin/", "/lib"];

const packages: Readonly<Record<keyof Tools, string>> = {
  bwrap: "bubblewrap",
  prlimit: "util-linux",
};

export type InterpreterKind = {
  /** Where it stands on a PATH; the first is the usual one. */
  readonly names: readonly string[];
  readonly packageName: string;
  /** The oldest version whose language the runner and the file agent are written in. */
  readonly minimum: string;
};

export const interpreters: Readonly<Record<Language, InterpreterKind>> = {
  python: { names: ["python3", "python"], packageName: "python3", minimum: "3.8" },
  node: { names: ["node", "nodejs"], packageName: "nodejs", minimum: "18" },
  bash: { names: ["bash"], packageName: "bash", minimum: "4.4" },
};

/** What is there, or one sentence on what is missing and how to get it. */
export function findTools(): Tools | string {
  const missing: (keyof Tools)[] = [];
  const find = (name: keyof Tools): string => {
    const path = Bun.which(name, { PATH: guestPath });
    if (path === null) missing.push(name);
    return path ?? "";
  };
  const tools: Tools = {
    bwrap: find("bwrap"),
    prlimit: find("prlimit"),
  };
  if (missing.length === 0) return tools;
  const install = [...new Set(missing.map((name) => packages[name]))].join(" ");
  return `The namespace backend needs ${missing.join(", ")}, not found on this machine: apt-get install ${install}.`;
}

/** The path of a language's interpreter as guests see it. Throws Failure `configuration` if there is none. */
export function findInterpreter(language: Language): string {
  const { names, packageName } = interpreters[language];
  for (const name of names) {
    const path = Bun.which(name, { PATH: guestPath });
    if (path !== null && isGuestVisible(path)) return path;
  }
  throw new Failure(
    "configuration",
    `No ${language} interpreter was found where sandboxes can see it (${guestPath}).`,
    {
      advice: [
        `Install it on the server's machine, for example with: apt-get install ${packageName}.${language === "bash" ? "" : ` One that is elsewhere: --interpreter ${language}=PATH.`}`,
      ],
      context: { language },
    },
  );
}

/** A link in /usr/local/bin may lead to a home that no guest sees. */
function isGuestVisible(path: string): boolean {
  try {
    const target = realpathSync(path);
    return guestVisible.some((prefix) => target.startsWith(prefix));
  } catch {
    return false;
  }
}
