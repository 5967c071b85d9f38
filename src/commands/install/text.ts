// The text of a configuration file: what of it is a matter of style, so that a change looks like the rest, and where in it a place is.

export type Style = {
  readonly eol: "\n" | "\r\n";
  /** One step of indentation: spaces or a tab. */
  readonly indent: string;
};

/** A file that cannot be read as what it should be, or cannot be changed without risk. The message names the place, not the file. */
export class UnusableText extends Error {}

const byteOrderMark = "\uFEFF";

/** The mark of UTF-8, as some editors on Windows write it, and what follows it. */
export function withoutMark(whole: string): { readonly mark: string; readonly text: string } {
  return whole.startsWith(byteOrderMark)
    ? { mark: byteOrderMark, text: whole.slice(byteOrderMark.length) }
    : { mark: "", text: whole };
}

/** By the first line break and the first indented line; a comment's own indentation (" * …") is none. */
export function styleOf(text: string): Style {
  const eol = /\r?\n/.exec(text)?.[0] === "\r\n" ? "\r\n" : "\n";
  return { eol, indent: /^(\t| +)(?=[^\s*])/m.exec(text)?.[1] ?? "  " };
}

/** The white space that the line of this offset begins with. */
export function indentationAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start))?.[0] ?? "";
}

/** Counted from 1, as editors do. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `line ${before.split("\n").length}, column ${offset - before.lastIndexOf("\n")}`;
}
