// What a check of this machine found: one line for people, with what to do about it.

import type { Failure } from "../../failure.ts";

export type Finding = {
  readonly check: CheckName;
  /**
   * `missing`: what needs this cannot work here. `warning`: it works, but somebody should know. `skipped`: it was not tried, and `found`
   * says why.
   */
  readonly status: "ok" | "missing" | "warning" | "skipped";
  /** One line, for the operator: it may name folders of this machine. */
  readonly found: string;
  /** What to do about it, one line. */
  readonly mend?: string;
};

export type CheckName =
  | "state directory"
  | "CPU virtualization"
  | "/dev/kvm"
  | "microVM runtime"
  | "microVM boot"
  | "images"
  | "interpreters"
  | "namespaces"
  | "microsandbox server"
  | "cloud key"
  | "backend";

/** A finding that what needs it cannot work. */
export function missing(check: CheckName, found: string, mend: string | undefined): Finding {
  return { check, status: "missing", found, ...(mend !== undefined && { mend }) };
}

/** The failure's own words, without its prefix, and its advice apart. */
export function missingBecause(check: CheckName, failure: Failure): Finding {
  const [advice] = failure.advice;
  const words = failure.message.replace(/^[A-Z][\w ]*: /, "");
  const found = advice !== undefined && words.endsWith(` ${advice}`) ? words.slice(0, -advice.length - 1) : words;
  return missing(check, oneLine(found), failure.advice.length === 0 ? undefined : failure.advice.join(" "));
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** As one line, what to do about it included. */
export function lineOf({ check, found, mend }: Finding): string {
  const what = `${check}: ${found}`;
  return mend === undefined ? what : `${what.replace(/\.$/, "")}. ${mend}`;
}
