// What a shell may offer on our command line.

export type Flag = {
  readonly name: `--${string}`;
  readonly summary: string;
  readonly repeatable: boolean;
  readonly value: Value;
};

export type Value =
  /** May stand alone; a value may follow "=". */
  | { readonly kind: "boolean" }
  | { readonly kind: "file"; readonly placeholder: string }
  /** Without choices: any text, and nothing can be offered. */
  | { readonly kind: "word"; readonly placeholder: string; readonly choices: readonly string[] };

export type Words = {
  readonly commands: readonly {
    readonly name: string;
    readonly summary: string;
    /** All that may stand for the operand. */
    readonly operands: readonly string[];
    readonly switches: readonly { readonly name: `--${string}`; readonly summary: string }[];
  }[];
  readonly flags: readonly Flag[];
};

export const questions = [
  { name: "--help", summary: "Show every option" },
  { name: "--version", summary: "Show the version" },
] as const;

/** One word for a shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
