// Which Python, Node and bash of this machine sandboxes of namespaces use, with their versions; and which are missing, too old or do not run.

import type { Config } from "../../config/options.ts";
import { Failure } from "../../failure.ts";
import { type Finding, missingBecause } from "../../sandbox/checks/finding.ts";
import { InstalledInterpreters } from "../../sandbox/namespace/installed.ts";

const check = "interpreters";

/** Rejects with the signal's reason only. */
export async function checkInterpreters(
  { backend, templates, interpreters: paths }: Pick<Config, "backend" | "templates" | "interpreters">,
  signal: AbortSignal,
): Promise<Finding> {
  if (backend !== "namespace" && backend !== "auto") {
    return { check, status: "skipped", found: `with --backend ${backend}, images have them` };
  }
  const installed = new InstalledInterpreters({ paths, emit: () => undefined, signal });
  // Templates that use the same one are told as one.
  const wanted = Map.groupBy(templates, ({ language, interpreter }) => JSON.stringify([language, interpreter]));
  const looks = [...wanted.values()].map(async ([template]) => template && (await look(installed, template)));
  const found = (await Promise.all(looks)).filter((it) => it !== undefined);
  signal.throwIfAborted();
  const words = found.map(({ words }) => words).join("; ");
  const mends = found.flatMap(({ mend }) => mend ?? []);
  if (mends.length === 0) return { check, status: "ok", found: words };
  return { check, status: "warning", found: words, mend: mends.join(" ") };
}

type Wanted = Parameters<InstalledInterpreters["examine"]>[0] & { readonly name: string };

async function look(installed: InstalledInterpreters, template: Wanted): Promise<{ words: string; mend?: string }> {
  try {
    const { version, path } = await installed.examine(template);
    const whose = template.interpreter === undefined ? "" : `, template ${template.name}`;
    return { words: `${template.language} ${version} (${path}${whose})` };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { found, mend = "" } = missingBecause(check, error);
    return { words: found.replace(/\.$/, ""), mend };
  }
}
