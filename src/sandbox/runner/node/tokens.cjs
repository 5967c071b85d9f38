// A source as tokens: good enough to tell code from strings, comments, templates and regular expressions; V8 judges the rest.

/**
 * Splits a source into tokens: `{ kind, text, start, end, depth, newline }`, where `depth` counts the brackets around it and `newline` says that
 * it is the first of its line.
 */
function tokenize(source) {
  const patterns = {
    skip: /(?:\s+|\/\/[^\n]*|\/\*[^]*?\*\/|^#!.*)+/y,
    name: /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy,
    number: /\.?\d[\w.]*/y,
    string: /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y,
    regex: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y,
    template: /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y,
    punctuator: /=>|\?\.(?!\d)|\+\+|--|\.\.\.|[^]/y,
  };
  const tokens = [];
  const open = [];
  let at = 0;
  let newline = true;
  while (at < source.length) {
    const blank = match("skip");
    if (blank !== null) {
      newline ||= blank.includes("\n");
      at += blank.length;
      continue;
    }
    const before = tokens.at(-1);
    const opener = open.at(-1);
    const isTemplateRest = source[at] === "}" && opener?.text === "`";
    if (source[at] === "`" || isTemplateRest) {
      if (isTemplateRest) open.pop();
      const start = at;
      at += 1;
      const body = match("template") ?? source.slice(at);
      at += body.length;
      add("template", start);
      if (body.endsWith("${")) open.push({ text: "`" });
    } else if (read("name") || read("number") || read("string")) {
      // Done.
    } else if (!(source[at] === "/" && mayBeRegex(before) && read("regex"))) {
      const text = match("punctuator");
      const start = at;
      at += text.length;
      if (text === ")" || text === "]" || text === "}") {
        const opened = open.pop();
        add("punctuator", start).isEndOfStatement = opened?.isStatement ?? false;
      } else {
        add("punctuator", start);
        if (text === "(") open.push({ text, isStatement: /^(?:if|while|for|with)$/.test(before?.text ?? "") });
        if (text === "[") open.push({ text, isStatement: false });
        if (text === "{") open.push({ text, isStatement: isBlock(before) });
      }
    }
  }
  return tokens;

  function match(kind) {
    patterns[kind].lastIndex = at;
    return patterns[kind].exec(source)?.[0] || null;
  }

  function read(kind) {
    const text = match(kind);
    if (text === null) return false;
    const start = at;
    at += text.length;
    add(kind, start);
    return true;
  }

  function add(kind, start) {
    const token = { kind, text: source.slice(start, at), start, end: at, depth: open.length, newline };
    tokens.push(token);
    newline = false;
    return token;
  }
}

const OPERATORS = /^(?:return|typeof|instanceof|in|of|new|delete|void|throw|case|do|else|await|yield)$/;

/** May a slash after this token begin a regular expression, rather than divide? */
function mayBeRegex(before) {
  if (before === undefined) return true;
  if (before.kind === "name") return OPERATORS.test(before.text);
  if (before.kind !== "punctuator") return false;
  if (before.text === ")" || before.text === "}") return before.isEndOfStatement;
  return before.text !== "]" && before.text !== "++" && before.text !== "--";
}

function isBlock(before) {
  if (before === undefined) return true;
  if (before.kind === "name") return !OPERATORS.test(before.text) || before.text === "do" || before.text === "else";
  return /^(?:[;{})]|=>)$/.test(before.text);
}

function isProperty(tokens, at) {
  const before = tokens[at - 1]?.text;
  return before === "." || before === "?." || before === "#" || tokens[at + 1]?.text === ":";
}

function startsStatement(tokens, at) {
  const before = tokens[at - 1];
  if (before === undefined || before.text === ";" || before.text === "}") return true;
  if (before.text === "async") return startsStatement(tokens, at - 1);
  return tokens[at].newline && (before.kind !== "punctuator" || before.text === ")" || before.text === "]");
}

function applyEdits(source, edits) {
  let text = "";
  let done = 0;
  for (const edit of edits) {
    text += source.slice(done, edit.start) + edit.text;
    done = edit.end;
  }
  return text + source.slice(done);
}

module.exports = { applyEdits, isProperty, startsStatement, tokenize };
