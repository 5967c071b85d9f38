// The interpreters of this machine that sandboxes use: the one that the template or `--interpreter` names, else the first in the system's
// folders. What one is, it is asked itself, outside of any sandbox, once for each file that it has been.

import type { Emit } from "../../events.ts";
import { Failure } from "../../failure.ts";
import type { InterpreterPaths } from "../interpreter-paths.ts";
import { type CommonLanguage, commonLanguages, type Language, type Template } from "../templates.ts";
import { askInterpreter, type Told } from "./ask-interpreter.ts";
import { identity } from "./compiled.ts";
import { placesOf } from "./interpreter-places.ts";
import type { Place } from "./layout.ts";
import { findInterpreter, interpreters } from "./tools.ts";

export type Interpreter = {
  readonly language: CommonLanguage;
  /** As guests start it. */
  readonly path: string;
  /** What stands before the guest's PATH, so that its commands find this one first. */
  readonly pathPrefix: string;
  /** What a guest must see of this machine for it. */
  readonly places: readonly Place[];
  readonly version: string;
};

export type Examined = Pick<Interpreter, "path" | "version">;

export type Taken = Omit<Interpreter, "version"> & {
  /** Rejects with Failure `configuration` if it is too old. Resolves at once for one that is known. */
  readonly checked: Promise<void>;
};

/** What works on the files of a sandbox. */
export type FileAgent = Pick<Interpreter, "language" | "path">;

type Wanted = Pick<Template, "interpreter"> & { readonly language: CommonLanguage };

export class InstalledInterpreters {
  readonly #paths: InterpreterPaths;
  readonly #emit: Emit;
  readonly #signal: AbortSignal;
  /** Those of sandboxes so far, by their path in a guest. */
  readonly #taken = new Map<string, CommonLanguage>();
  /** By path: there are as many as languages, and templates that name one. */
  readonly #known = new Map<string, { readonly identity: string | null; readonly told: Promise<Told> }>();

  /** When the signal aborts, what is being asked is ended. */
  constructor(options: { readonly paths: InterpreterPaths; readonly emit: Emit; readonly signal: AbortSignal }) {
    this.#paths = options.paths;
    this.#emit = options.emit;
    this.#signal = options.signal;
  }

  /**
   * That of a template. Throws Failure `configuration` where there is none, or where the one that is named does not run, is too old, or cannot
   * be shown to sandboxes. One of the system's folders is given at once, and looked at meanwhile.
   */
  async take(wanted: Wanted): Promise<Taken> {
    const { language } = wanted;
    const named = this.#named(wanted);
    if (named !== undefined) {
      const known = await this.#lookAt(language, named);
      this.#taken.set(known.path, language);
      return { ...known, checked: Promise.resolve() };
    }
    const path = findInterpreter(language);
    const checked = this.#check(language, path);
    checked.catch(() => undefined);
    this.#taken.set(path, language);
    return { language, path, pathPrefix: "", places: [], checked };
  }

  /** As `take`, and what works on the files of the template's sandboxes: the same, but for bash, which has Python do it, or Node where there is none. */
  async takeFor(
    template: Pick<Template, "language" | "interpreter">,
  ): Promise<Omit<Taken, "language"> & { readonly agent: FileAgent }> {
    const { language, interpreter } = template;
    if (language !== "bash") {
      const taken = await this.take({ language, interpreter });
      return { ...taken, agent: taken };
    }
    const path = findInterpreter(language);
    const agent = await this.take({ language: "python" }).catch(() => this.take({ language: "node" }));
    const checked = Promise.all([this.#check(language, path), agent.checked]).then(() => undefined);
    checked.catch(() => undefined);
    return { ...agent, path, agent, checked };
  }

  /** The path and the version of a template's. Throws as `take`. */
  async examine({ language, interpreter }: Pick<Template, "language" | "interpreter">): Promise<Examined> {
    const named = language === "bash" ? undefined : this.#named({ language, interpreter });
    if (named !== undefined && language !== "bash") return await this.#lookAt(language, named);
    const path = findInterpreter(language);
    const { version } = await this.#ask(language, path);
    requireNew(language, path, version);
    return { path, version };
  }

  /** Those that sandboxes use or will, so far as is known. */
  used(): readonly { readonly language: CommonLanguage; readonly path: string }[] {
    const usual = commonLanguages.flatMap((language) => {
      try {
        return this.#paths[language] === undefined ? [[findInterpreter(language), language] as const] : [];
      } catch {
        return [];
      }
    });
    return [...new Map([...usual, ...this.#taken])].map(([path, language]) => ({ language, path }));
  }

  /** Once nothing is being asked any more. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#known.values()].map(({ told }) => told));
  }

  #named({ language, interpreter }: Wanted): string | undefined {
    return interpreter ?? this.#paths[language];
  }

  async #lookAt(language: CommonLanguage, named: string): Promise<Interpreter> {
    const told = await this.#ask(language, named);
    requireNew(language, named, told.version);
    return { language, version: told.version, ...placesOf(language, named, told) };
  }

  /** One that cannot be asked just now is tried all the same: its first sandbox tells. */
  async #check(language: Language, path: string): Promise<void> {
    const told = await this.#ask(language, path).catch(() => undefined);
    if (told !== undefined) requireNew(language, path, told.version);
  }

  #ask(language: Language, path: string): Promise<Told> {
    const file = identity(path);
    const known = this.#known.get(path);
    if (known !== undefined && known.identity === file) return known.told;
    const told = askInterpreter(language, path, this.#signal);
    this.#known.set(path, { identity: file, told });
    told.then(
      ({ version }) => this.#emit({ type: "interpreter.found", language, path, version }),
      // The next one asks again.
      () => this.#known.delete(path),
    );
    return told;
  }
}

/** Throws Failure `configuration` for a version that is too old. */
export function requireNew(language: Language, path: string, version: string): void {
  const { minimum } = interpreters[language];
  if (Bun.semver.order(padded(version), padded(minimum)) >= 0) return;
  throw new Failure(
    "configuration",
    `The ${language} interpreter ${path} has version ${version}; sandboxes require ${minimum} or later.`,
    { advice: [`Install a later one${orNamed(language)}.`], context: { language } },
  );
}

/** Bash is the system's. */
function orNamed(language: Language): string {
  return language === "bash" ? "" : `, or name another with --interpreter ${language}=PATH`;
}

/** "3.8" is no whole version to semver. */
function padded(version: string): string {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  return `${major}.${minor}.${patch}`;
}
