// Sources that are TypeScript: Node's own eraser puts blanks in the place of types, so that lines and columns stay. JavaScript never comes here.

const { UsersSyntaxError, moduleModule, process, stripTypes } = require("./references.cjs");

// What erasing blanks does not make JavaScript of, by a word of Node's message; and what to write instead.
const INSTEAD = [
  ["enum", "Write `const Name = { Member: 0 } as const` instead of an enum."],
  ["parameter property", "Declare the property in the class, and assign it in the constructor."],
  ["namespace", "Write an object, or functions, instead of a namespace."],
  ["module", "Write an object, or functions, instead of a module."],
  ["angle-bracket", "Write `value as Type`."],
  ["import", "Write `const name = require('name')`."],
  ["export =", "Leave it out: names stay for later calls."],
];
const TYPED =
  /\b(?:interface|type|enum|namespace|declare|abstract)\s+[A-Za-z_$]|[\w$)\]?]\s*:\s*(?:string|number|boolean|any|unknown|void|never|[A-Z]\w*)\b|\bas\s+(?:const|any|unknown|string|number|[A-Z])/;

/**
 * What a source that V8 has refused is without its types: `{ source }`, with `isMoved` where lines are not what they were; `{ error, place }` where
 * it is TypeScript that no JavaScript can be made of here; null where it is none. `place` counts from 0, and is null where V8's own is right.
 */
function eraseTypes(source) {
  if (stripTypes === undefined) return TYPED.test(source) ? { error: tooOld(), place: null } : null;
  // It warns once that this is experimental, which is not the user's concern.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const erased = strip(source, "strip");
    return erased === source ? null : { source: erased };
  } catch (error) {
    return isUnsupported(error) ? transform(source, error) : null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Node has a second way, up to version 25, for what blanks do not do. */
function transform(source, refusal) {
  try {
    return { source: strip(source, "transform"), isMoved: true };
  } catch {
    return unsupported(`${refusal.message}`, `${refusal.stack}`);
  }
}

function strip(source, mode) {
  return Reflect.apply(stripTypes, moduleModule, [source, { mode }]);
}

function isUnsupported(error) {
  return error?.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
}

function tooOld() {
  return new UsersSyntaxError(
    `TypeScript runs in Node 22.13 and later, and this is ${process.version}. Write the source without types.`,
  );
}

/** `stack` begins with the line's number, the lines up to it, and signs below the place. */
function unsupported(message, stack) {
  const [, line, signs] = /^[^\n]*:(\d+)\n(?:[^\n]*\n)*?( *)\^/.exec(stack) ?? [];
  const instead = INSTEAD.find(([word]) => message.includes(word))?.[1] ?? "Write it in JavaScript.";
  const what = message.replace(/ in (?:strip-only|type strip) mode.*$/, "");
  const error = new UsersSyntaxError(`${what} here: only types are erased. ${instead}`);
  return { error, place: line === undefined ? null : { lineNumber: Number(line) - 1, columnNumber: signs.length } };
}

module.exports = { eraseTypes };
