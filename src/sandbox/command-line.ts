// How a shell gets a command line of a caller's: as an argument, or on its stdin where Linux takes no argument of that size.

/** Bytes of one argument that Linux takes: MAX_ARG_STRLEN, 128 KiB, of which this leaves room for what goes with it. */
const argumentBytes = 120 * 1024;

export type CommandLine = {
  readonly argv: readonly string[];
  /** What its stdin must have; it reads no further, and gives what it runs an empty one. Null: an empty stdin. */
  readonly input: string | null;
};

export function commandLine(source: string): CommandLine {
  const bytes = Buffer.byteLength(source);
  if (bytes <= argumentBytes) return { argv: ["/bin/sh", "-c", source], input: null };
  // In the very shell that is started, as it would run its argument: `$$`, `$0` and `exit` mean the same. The substitution takes line breaks
  // off the end, of which one may matter.
  const read = `eval "exec </dev/null;$(head -c ${bytes} || echo exit 127)\n"`;
  return { argv: ["/bin/sh", "-c", read], input: source };
}
