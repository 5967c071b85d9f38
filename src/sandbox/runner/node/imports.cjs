// What V8's REPL mode does not know: import statements, `import()`, and an object at the beginning of a source.

const { Script } = require("./references.cjs");
const { applyEdits, isProperty, tokenize } = require("./tokens.cjs");

/** `{ a: 1 }` is an object at the prompt, not a block. */
function unwrapObject(source) {
  if (!/^\s*\{/.test(source) || /;\s*$/.test(source)) return source;
  try {
    new Script(`(${source}\n)`);
    return `(${source}\n)`;
  } catch {
    return source;
  }
}

/**
 * Import statements become declarations, and `import()` a function that resolves from the working directory; so does `import()` in what is
 * handed to `eval` and to the makers of functions. Lines stay where they are.
 */
function rewriteImports(source, { isModule = true } = {}) {
  if (!/\bimport\b|\beval\b|Function\b/.test(source)) return source;
  const tokens = tokenize(source);
  const edits = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token.kind !== "name") continue;
    if (token.text === "import" && !isProperty(tokens, at)) {
      if (tokens[at + 1]?.text === "(") {
        edits.push({ start: token.start, end: token.end, text: "__import__" });
      } else if (isModule && token.depth === 0) {
        const statement = parseImport(source, tokens, at + 1);
        if (statement === null) continue;
        const newlines = source.slice(token.start, statement.end).split("\n").length - 1;
        edits.push({ start: token.start, end: statement.end, text: `${statement.text};${"\n".repeat(newlines)}` });
      }
    } else if (/^(?:eval|(?:Async)?(?:Generator)?Function)$/.test(token.text)) {
      const call = callOf(tokens, at);
      if (call === null) continue;
      const rewrite = token.text === "eval" ? "__import__.text(" : "...__import__.texts(";
      edits.push({ start: call.open.end, end: call.open.end, text: rewrite });
      edits.push({ start: call.close.start, end: call.close.start, text: ")" });
    }
  }
  return applyEdits(
    source,
    edits.sort((one, other) => one.start - other.start),
  );
}

/** The brackets of a call of the global function whose name is the token at `at`; null if that is anything else. */
function callOf(tokens, at) {
  const text = (offset) => tokens[at + offset]?.text;
  if (text(-1) === "." || text(-1) === "?.") {
    if (text(-2) !== "globalThis" && text(-2) !== "global") return null;
  } else if (isProperty(tokens, at) || text(-1) === "function" || text(-1) === "*") return null;
  let next = at + 1;
  // (0, eval)(…)
  if (text(-1) === "," && text(1) === ")") next += 1;
  if (tokens[next]?.text === "?.") next += 1;
  const open = tokens[next];
  if (open?.text !== "(") return null;
  const end = tokens.findIndex((token, index) => index > next && token.text === ")" && token.depth === open.depth);
  // A method of that name.
  if (end === -1 || tokens[end + 1]?.text === "{") return null;
  return { open, close: tokens[end] };
}

/** Of the tokens after `import`: what stands for them, and where they end. Null if that is no import statement. */
function parseImport(source, tokens, start) {
  let at = start;
  const text = () => tokens[at]?.text;
  const isName = () => tokens[at]?.kind === "name";
  let whole = null;
  const members = [];
  if (tokens[at]?.kind !== "string") {
    if (isName()) {
      members.push(["default", text()]);
      at += 1;
      if (text() === ",") at += 1;
      else if (text() !== "from") return null;
    }
    if (text() === "*") {
      whole = tokens[at + 2]?.text;
      if (tokens[at + 1]?.text !== "as" || whole === undefined) return null;
      at += 3;
    } else if (text() === "{") {
      at += 1;
      while (text() !== "}") {
        const exported = text();
        if (exported === undefined) return null;
        let local = exported;
        at += 1;
        if (text() === "as") {
          local = tokens[at + 1]?.text;
          at += 2;
        }
        members.push([exported, local]);
        if (text() === ",") at += 1;
        else if (text() !== "}") return null;
      }
      at += 1;
    }
    if (text() !== "from") return null;
    at += 1;
  }
  if (tokens[at]?.kind !== "string") return null;
  const specifier = text();
  let end = tokens[at].end;
  let options = "undefined";
  if ((tokens[at + 1]?.text === "with" || tokens[at + 1]?.text === "assert") && tokens[at + 2]?.text === "{") {
    const close = tokens.findIndex((token, index) => index > at + 2 && token.text === "}");
    if (close === -1) return null;
    options = `{ ${tokens[at + 1].text}: ${source.slice(tokens[at + 2].start, tokens[close].end).replaceAll("\n", " ")} }`;
    end = tokens[close].end;
    at = close;
  }
  if (tokens[at + 1]?.text === ";") end = tokens[at + 1].end;
  const names = members.map(([exported]) => (/^["']/.test(exported) ? exported : JSON.stringify(exported)));
  const call = `await __import__(${specifier}, ${options}, [${names.join(", ")}])`;
  const pattern = `{ ${members.map(([exported, local]) => `${exported}: ${local}`).join(", ")} }`;
  if (whole !== null)
    return { end, text: `const ${whole} = ${call}${members.length > 0 ? `, ${pattern} = ${whole}` : ""}` };
  return { end, text: members.length > 0 ? `const ${pattern} = ${call}` : `void ${call}` };
}

module.exports = { rewriteImports, unwrapObject };
