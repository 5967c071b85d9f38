// The line that somebody may have meant who named a text that is not there.

export type SimilarLine = { readonly line: number; readonly text: string; readonly differsInBlanks: boolean };

/** Bounds what one search costs: lines of the text, and of each how much. */
const maxLines = 50_000;
const maxLineLength = 200;
/** Of the pairs of letters of two lines, how many they have in common. Below that a line is no help. */
const minLikeness = 0.6;

/** Like the first line of `sought` that has anything in it. Undefined: there is none that is like it. */
export function mostSimilarLine(text: string, sought: string): SimilarLine | undefined {
  const wanted = sought.split("\n").find((line) => line.trim() !== "");
  if (wanted === undefined) return undefined;
  const bare = withoutBlanks(wanted);
  const pairs = pairsOf(bare);
  let best: SimilarLine | undefined;
  let bestLikeness = minLikeness;
  let line = 0;
  for (const candidate of text.split("\n", maxLines)) {
    line++;
    const shown = candidate.trimEnd().slice(0, maxLineLength);
    const other = withoutBlanks(candidate);
    if (other === bare) return { line, text: shown, differsInBlanks: candidate !== wanted };
    // They cannot be more alike than this.
    const most = (2 * Math.min(other.length, bare.length)) / (other.length + bare.length);
    if (most <= bestLikeness) continue;
    const likeness = likenessOf(pairs, pairsOf(other));
    if (likeness <= bestLikeness) continue;
    bestLikeness = likeness;
    best = { line, text: shown, differsInBlanks: false };
  }
  return best;
}

function withoutBlanks(line: string): string {
  return line.slice(0, maxLineLength).replace(/\s+/g, "");
}

type Pairs = { readonly counts: ReadonlyMap<string, number>; readonly total: number };

function pairsOf(text: string): Pairs {
  const counts = new Map<string, number>();
  for (let at = 0; at + 1 < text.length; at++) {
    const pair = text.slice(at, at + 2);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return { counts, total: Math.max(0, text.length - 1) };
}

function likenessOf(one: Pairs, other: Pairs): number {
  if (one.total + other.total === 0) return 0;
  let common = 0;
  for (const [pair, count] of one.counts) common += Math.min(count, other.counts.get(pair) ?? 0);
  return (2 * common) / (one.total + other.total);
}
