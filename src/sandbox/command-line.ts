// How a shell gets a command line of a caller's: as an argument, or on a descriptor where Linux takes no argument of that size.

/** Bytes of one argument that Linux takes: MAX_ARG_STRLEN, 128 KiB, of which this leaves room for what goes with it. */
const argumentBytes = 120 * 1024;

export type CommandLine = {
  readonly argv: readonly string[];
  /** What must be on the descriptor; it reads no further. From stdin, it gives what it runs an empty one. Null: nothing. */
  readonly input: string | null;
};

/** `descriptor` for the input: 3 where stdin is the command's own. */
export function commandLine(source: string, descriptor: 0 | 3 = 0): CommandLine {
  const bytes = Buffer.byteLength(source);
  if (bytes <= argumentBytes) return { argv: ["/bin/sh", "-c", source], input: null };
  // In the very shell that is started, as it would run its argument: `$$`, `$0` and `exit` mean the same. The substitution takes line breaks
  // off the end, of which one may matter.
  const [closed, from] = descriptor === 0 ? ["</dev/null", ""] : ["3<&-", " <&3"];
  const read = `eval "exec ${closed};$(head -c ${bytes}${from} || echo exit 127)\n"`;
  return { argv: ["/bin/sh", "-c", read], input: source };
}
