// A change as a person sees it before it is made: the lines that differ, those around them, and no secret. Of what is not ours only
// names are shown, since the values of other servers are keys and tokens often enough.

/** Unchanged lines before and after. */
const around = 2;

/** Of one line. Characters. */
const widthLimit = 160;

const hidden = "…";

/** Lines with "+", "-" or " " and their number. `open` are texts that may be seen as they are. */
export function shownChange(before: string, after: string, open: ReadonlySet<string>): readonly string[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const shortest = Math.min(old.length, now.length);
  let start = 0;
  while (start < shortest && old[start] === now[start]) start++;
  let tail = 0;
  while (tail < shortest - start && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const width = String(now.length).length;
  const row = (sign: string, number: number, line: string) =>
    `${sign} ${String(number + 1).padStart(width)}  ${masked(line, open)}`.trimEnd().slice(0, widthLimit);
  const context = (from: number, to: number) =>
    now.slice(Math.max(0, from), to).map((line, index) => row(" ", Math.max(0, from) + index, line));
  return [
    ...context(start - around, start),
    ...old.slice(start, old.length - tail).map((line, index) => row("-", start + index, line)),
    ...now.slice(start, now.length - tail).map((line, index) => row("+", start + index, line)),
    ...context(now.length - tail, now.length - tail + around),
  ];
}

/** Every text within a value. */
export function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

const parts =
  /(?<quoted>"(?:[^"\\]|\\.)*"|'[^']*')(?<colon>\s*:)?|(?<comment>\/\/|\/\*|#).*|(?<word>[\w.+-]+)|[^\w"'/#.+-]+|./g;

/** Names of members, numbers and punctuation stay; of texts those that are open; words may be a text that goes over several lines. */
function masked(line: string, open: ReadonlySet<string>): string {
  const name = /^\s*(?:\[\[?[\w.-]+\]\]?|[\w.-]+(?=\s*=\s*["'[{\dtf]))/.exec(line)?.[0] ?? "";
  const shown = line.slice(name.length).replace(parts, (whole, ...groups) => {
    const { quoted, colon, comment, word } = groups.at(-1) as Record<string, string | undefined>;
    if (comment !== undefined) return `${comment} ${hidden}`;
    if (word !== undefined) return /^(?:true|false|null|[\d.]{1,6})$/.test(word) ? word : hidden;
    if (quoted === undefined || colon !== undefined || open.has(unquoted(quoted))) return whole;
    return `"${hidden}"`;
  });
  return name + shown;
}

function unquoted(quoted: string): string {
  if (quoted.startsWith("'")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return "";
  }
}
