// One option: what it is called, how its value is read, and what holds without it.

import type { Kind, Place } from "../kinds.ts";

export type Option<T> = {
  /** Undefined for a secret that must not be seen in a list of processes. */
  readonly flag: `--${string}` | undefined;
  readonly variable: string;
  readonly group: "Server" | "Access" | "Cluster" | "Sandboxes" | "Limits";
  /** One line, without a full stop. */
  readonly summary: string;
  readonly kind: Kind<T>;
  /** The value of an option that was not given. */
  readonly fallback: (place: Place) => T;
  /** The fallback in words; undefined where it is nothing. */
  readonly fallbackShown: string | undefined;
};

type Entry<T> = Omit<Option<T>, "fallback" | "fallbackShown">;

export function withDefault<T>(shown: string, entry: Entry<T>): Option<T> {
  const fallback = (place: Place) => {
    const reading = entry.kind.read([shown], place);
    if (!reading.ok) throw new Error(`the default of ${entry.variable} breaks its own rule`);
    return reading.value;
  };
  return { ...entry, fallback, fallbackShown: shown };
}

export function noneByDefault<T>(entry: Entry<readonly T[]>): Option<readonly T[]> {
  return { ...entry, fallback: () => [], fallbackShown: undefined };
}

export function optional<T>(entry: Entry<T>): Option<T | undefined> {
  return { ...entry, fallback: () => undefined, fallbackShown: undefined };
}
