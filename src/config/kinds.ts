// The kinds of values that options take: how a text becomes a value, and the words for what is allowed.
// Which options there are is options.ts; where their texts come from is load.ts; hosts and URLs are addresses.ts.

import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { parseVolumes, type Volume } from "../sandbox/volumes.ts";

/** What a default or a path depends on beside its own text. */
export type Place = {
  readonly cwd: string;
  readonly homeDir: string;
  /** XDG_STATE_HOME, if set. */
  readonly stateHome: string | undefined;
  /** A variable of the environment, for values that name one. */
  readonly variable: (name: string) => string | undefined;
  /** XDG_CACHE_HOME, if set. */
  readonly cacheHome: string | undefined;
};

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  /** Each reason is a message of its own; without any, the message is made of the text and the kind's rule. */
  | { readonly ok: false; readonly reasons?: readonly string[] };

export type Kind<T> = {
  /** Completes "it must be …"; shown in messages, `--help` and docs/reference/options.md. */
  readonly rule: string;
  /** Stands for the value in `--help`. A flag without one may stand alone, and then means "true". */
  readonly placeholder: string | undefined;
  /** May be given several times: `read` gets every text, in order. */
  readonly repeatable: boolean;
  readonly read: (texts: readonly string[], place: Place) => Reading<T>;
  /** The text as a message may show it. */
  readonly show: (text: string) => string;
  /** What a shell offers to complete a text: all that is allowed, or the files that are there. Undefined: nothing. */
  readonly completions?: readonly string[] | "files";
};

const refused = { ok: false } as const;

export function wholeNumber(min: number, max: number, what = "a whole number", placeholder = "N"): Kind<number> {
  return single(`${what} from ${min} to ${max}`, placeholder, (text) => {
    // Number() would take "1e3", "0x10", " 7" and "" too: nothing is understood other than it was meant.
    if (!/^(?:0|[1-9]\d{0,14})$/.test(text)) return undefined;
    const value = Number(text);
    return value >= min && value <= max ? value : undefined;
  });
}

/** Written in seconds, read as milliseconds. */
export function seconds(min: number, max: number): Kind<number> {
  const inSeconds = wholeNumber(min, max, "a whole number of seconds", "SECONDS");
  const read: Kind<number>["read"] = (texts, place) => {
    const reading = inSeconds.read(texts, place);
    return reading.ok ? { ok: true, value: reading.value * 1000 } : reading;
  };
  return { ...inSeconds, read };
}

export function choice<const T extends string>(names: readonly T[]): Kind<T> {
  const kind = single(`one of ${names.join(", ")}`, "NAME", (text) =>
    names.find((name) => name.toLowerCase() === text.toLowerCase()),
  );
  return { ...kind, completions: names };
}

const truths = ["true", "1", "yes", "on"];
const falsehoods = ["false", "0", "no", "off"];

/** "TRUE" is one too. */
export function isBooleanWord(text: string): boolean {
  return [...truths, ...falsehoods].includes(text.toLowerCase());
}

export const boolean: Kind<boolean> = single("true, 1, yes or on, or else false, 0, no or off", undefined, (text) =>
  isBooleanWord(text) ? truths.includes(text.toLowerCase()) : undefined,
);

/** Any text with something in it. */
export const text: Kind<string> = single("a text that is not empty", "TEXT", (given) =>
  given.trim() === "" ? undefined : given,
);

/** Made absolute. */
export const path: Kind<string> = {
  ...single("a path", "PATH", (given, place) =>
    given === "" || given.includes("\0") ? undefined : resolve(place.cwd, given),
  ),
  completions: "files",
};

/** Made absolute, links resolved. */
export const folders: Kind<readonly string[]> = {
  rule: "a folder that is there, several as a comma list",
  placeholder: "DIR",
  repeatable: true,
  completions: "files",
  show: quote,
  read: (texts, { cwd }) => {
    const given = texts.flatMap(itemsOf).map((item) => resolve(cwd, item));
    const found = given.map(realFolder).filter((folder) => folder !== undefined);
    return found.length === given.length && found.length > 0 ? { ok: true, value: [...new Set(found)] } : refused;
  },
};

export const volumes: Kind<readonly Volume[]> = {
  rule: 'HOST:GUEST or HOST:GUEST:ro, several as a comma list or as JSON: ["HOST:GUEST", …]',
  placeholder: "HOST:GUEST[:ro]",
  repeatable: true,
  show: quote,
  read: (texts) => {
    const readings = texts.map(parseVolumes);
    const each = readings.flatMap((reading) => reading.volumes);
    // Once more as one text, because volumes of several flags may overlap as well.
    const all = parseVolumes(
      JSON.stringify(each.map((it) => `${it.hostPath}:${it.guestPath}:${it.readOnly ? "ro" : "rw"}`)),
    );
    const reasons = [...readings.flatMap((reading) => reading.problems), ...all.problems];
    return reasons.length === 0 ? { ok: true, value: all.volumes } : { ok: false, reasons };
  },
};

/** A kind whose values are one text each; `read` gives undefined for a text that the rule forbids. */
export function single<T>(
  rule: string,
  placeholder: string | undefined,
  read: (text: string, place: Place) => T | undefined,
): Kind<T> {
  return {
    rule,
    placeholder,
    repeatable: false,
    show: quote,
    read: ([first = ""], place) => {
      const value = read(first, place);
      return value === undefined ? refused : { ok: true, value };
    },
  };
}

/** A comma list without repetitions; `read` gives undefined for an item that the rule forbids. */
export function list(items: string, read: (item: string) => string | undefined): Kind<readonly string[]> {
  return single(`a comma list of ${items}`, "LIST", (text) => {
    const given = itemsOf(text);
    const values = given.map(read).filter((value) => value !== undefined);
    return values.length === given.length ? [...new Set(values)] : undefined;
  });
}

/** The items of a comma list, without the spaces around them and without empty ones. */
export function itemsOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function realFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? realpathSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** In quotes, control characters escaped, at most 100 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
}
