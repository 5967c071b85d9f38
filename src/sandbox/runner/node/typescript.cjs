// Sources that are TypeScript: an eraser puts blanks in the place of types, so that lines and columns stay. It is Node's own where there is one, and
// does what is asked of it; else the host's. JavaScript never comes here.

const { eraser } = require("./eraser.cjs");
const { UsersSyntaxError, moduleModule, process, stripTypes } = require("./references.cjs");

// What speaks for types: the host is not asked for its eraser because of every slip in JavaScript.
const TYPED = new RegExp(
  [
    /\b(?:interface|type|enum|namespace|declare|abstract|private|public|protected|readonly|override)\s+[A-Za-z_$#]/,
    /[\w$)\]?]\s*:\s*(?:string|number|boolean|bigint|symbol|object|any|unknown|void|never|[A-Z]\w*)\b/,
    /\bas\s+(?:const|any|unknown|string|number|[A-Z])/,
    /\b(?:satisfies\s|implements\s|import\s+type\b)|\?\s*:|[\w)\]]!\s*[.;,)\]]|<[\w.[\]| ,]+>\s*[\w$([]/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/**
 * What a source that V8 has refused is without its types: `{ source }`, with `isMoved` where lines are not what they were; `{ error, place }` where
 * it is TypeScript that no JavaScript can be made of here; null where it is none; `{ isWanting }` where the host's eraser is to be asked for first.
 * `place` counts from 0, and is null where V8's own is right.
 */
function eraseTypes(source) {
  const canAsk = eraser.erase === null && !eraser.isAsked;
  if (stripTypes === undefined && eraser.erase === null) {
    if (!TYPED.test(source)) return null;
    return canAsk ? { isWanting: true } : { error: tooOld(), place: null };
  }
  try {
    const erased = erase(source, "strip");
    return erased === source ? null : { source: erased };
  } catch (refusal) {
    if (!isUnsupported(refusal)) return null;
    const transformed = transform(source);
    if (transformed !== null) return { source: transformed, isMoved: true };
    return canAsk ? { isWanting: true } : unsupported(refusal);
  }
}

function erase(source, mode) {
  if (stripTypes === undefined) return eraser.erase(source, mode === "strip" ? "strip-only" : mode);
  // It warns once that this is experimental, which is not the user's concern.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return Reflect.apply(stripTypes, moduleModule, [source, { mode }]);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Of what blanks do not do. Node's own has that way up to version 25. Null where nobody can. */
function transform(source) {
  try {
    return erase(source, "transform");
  } catch {
    // As below.
  }
  try {
    return eraser.erase?.(source, "transform") ?? null;
  } catch {
    return null;
  }
}

/** Node's word for it, and swc's. */
function isUnsupported(error) {
  return error?.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || error?.code === "UnsupportedSyntax";
}

function tooOld() {
  return new UsersSyntaxError(
    `TypeScript cannot be run here: this is Node ${process.version}, and types are erased by Node 22.13 and later. Write the source without types.`,
  );
}

/** In the eraser's own words, which say what is not supported. */
function unsupported({ message, stack, startLine, startColumn }) {
  const what = message.replace(/ in (?:strip-only|type strip) mode/, " here");
  const error = new UsersSyntaxError(what);
  if (startLine !== undefined) return { error, place: { lineNumber: startLine - 1, columnNumber: startColumn } };
  // Node's begins with the line's number, the lines up to it, and signs below the place.
  const [, line, signs] = /^[^\n]*:(\d+)\n(?:[^\n]*\n)*?( *)\^/.exec(stack) ?? [];
  return { error, place: line === undefined ? null : { lineNumber: Number(line) - 1, columnNumber: signs.length } };
}

module.exports = { eraseTypes };
