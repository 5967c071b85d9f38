// Names that are declared anew: V8's REPL mode does not let a `let` follow a `var` or a function of the same name.

const { isNativeError } = require("./references.cjs");
const { applyEdits, isProperty, startsStatement, tokenize } = require("./tokens.cjs");

/** Did V8 refuse a source as a whole? Such an error has no frame in it, or only that of its very beginning. */
function isRefusal(error, cell) {
  if (!isNativeError(error) || error.name !== "SyntaxError") return false;
  const [, first = "", second = ""] = String(error.stack).split(/\n\s+at /);
  return first.startsWith("Session.post ") || (first === `${cell}:1:1` && second.startsWith("Session.post "));
}

/**
 * V8 lets `const` follow `const`, `let` and `class` each other, and `var` and `function` each other, but nothing else of the same
 * name. For a source that was refused for that: ways of writing that one declaration in other manners. None for another refusal.
 */
function rewriteRedeclaration(source, error) {
  const name = /^Identifier '(.+)' has already been declared$/.exec(error.message)?.[1];
  if (name === undefined) return [];
  const tokens = tokenize(source);
  const declarations = tokens.map((_, at) => declarationAt(tokens, at, name)).filter((found) => found !== null);
  // Twice in one source is an error of that source.
  if (declarations.length !== 1) return [];
  const [{ keyword, first, last }] = declarations;
  const manners = ["let", "var", "const"].filter((manner) => manner !== keyword.text);
  // What is given another value later cannot follow a `const`: its author is to be told now, not in the middle of the run.
  if (isAssigned(source, tokens, name)) manners.splice(manners.indexOf("const"), 1);
  if (/^(?:let|const|var)$/.test(keyword.text)) {
    return manners.map((text) => applyEdits(source, [{ start: keyword.start, end: keyword.end, text }]));
  }
  return manners.map((manner) =>
    applyEdits(source, [
      { start: first.start, end: first.start, text: `${manner} ${name} = ` },
      { start: last.end, end: last.end, text: ";" },
    ]),
  );
}

/** Is a name given another value after its declaration? */
function isAssigned(source, tokens, name) {
  return tokens.some((token, at) => {
    if (token.text !== name || isProperty(tokens, at)) return false;
    const before = tokens[at - 1]?.text ?? "";
    if (before === "++" || before === "--") return true;
    if (/^(?:let|const|var|,)$/.test(before)) return false;
    const after = source.slice(token.end, token.end + 100);
    return /^\s*(?:=(?![=>])|(?:[-+%^/]|\*\*?|<<|>>>?|&&?|\|\|?|\?\?)=|\+\+|--)/.test(after);
  });
}

function declarationAt(tokens, at, name) {
  const keyword = tokens[at];
  if (keyword.depth !== 0 || keyword.kind !== "name" || !startsStatement(tokens, at)) return null;
  if (keyword.text === "let" || keyword.text === "const" || keyword.text === "var") {
    // Up to a first initializer: `let a, b`, `const { a, b } = …`. Names after it are left to the language's own answer.
    for (
      let next = at + 1;
      next < tokens.length && tokens[next].text !== ";" && !(tokens[next].text === "=" && tokens[next].depth === 0);
      next += 1
    ) {
      if (next > at + 1 && tokens[next].depth === 0 && startsStatement(tokens, next)) break;
      if (tokens[next].text === name) return { keyword, first: keyword, last: keyword };
    }
    return null;
  }
  if (keyword.text !== "class" && keyword.text !== "function") return null;
  const named = tokens[at + 1]?.text === "*" ? at + 2 : at + 1;
  if (tokens[named]?.text !== name) return null;
  const isAsync = tokens[at - 1]?.text === "async" && tokens[at - 1].depth === 0;
  const open = tokens.findIndex((token, index) => index > named && token.depth === 0 && token.text === "{");
  const last = tokens.find((token, index) => index > open && token.depth === 0 && token.text === "}");
  if (open === -1 || last === undefined) return null;
  return { keyword, first: isAsync ? tokens[at - 1] : keyword, last };
}

module.exports = { isRefusal, rewriteRedeclaration };
