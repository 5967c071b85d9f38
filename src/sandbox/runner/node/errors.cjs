// How a failure is told: as Node does, with the line of the source, and without a trace of the runner.

const { textOf } = require("./cells.cjs");
const { inspect, isNativeError, node } = require("./references.cjs");

// What an answer may carry of a value and of a traceback, in characters; the whole of it has been printed.
const RESULT_CHARACTERS = 64 * 1024;

function describe(value, details, cell) {
  let type = typeof value;
  let message = "";
  let text = "";
  let where = null;
  try {
    text = inspect(value);
    if (isNativeError(value)) {
      type = String(value.name);
      message = String(value.message);
      where = /\b(cell-\d+):(\d+):(\d+)/.exec(String(value.stack));
    } else {
      message = text;
      text = `Uncaught ${text}`;
    }
  } catch {
    text = "Uncaught exception that cannot be shown";
  }
  const shown = withoutOwnFrames(text);
  // A syntax error has no stack in the source; the inspector counts from 0.
  const place = where ?? (details && [null, cell, details.lineNumber + 1, details.columnNumber + 1]);
  return { type, message: message.slice(0, RESULT_CHARACTERS), traceback: `${place ? excerpt(place) : ""}${shown}` };
}

function excerpt([, cell, line, column]) {
  const text = textOf(cell)?.split("\n")[Number(line) - 1];
  if (text === undefined || text.length > 1000) return "";
  return `${cell}:${line}\n${text}\n${" ".repeat(Math.max(0, Math.min(text.length, Number(column) - 1)))}^\n\n`;
}

/** Takes what is below the user's code out of the stacks in a text. */
function withoutOwnFrames(text) {
  if (!text.includes("(node:") && !text.includes(node.file)) return text;
  const kept = [];
  for (const line of text.split("\n")) {
    if (!isOwnFrame(line)) kept.push(line);
    // What follows an error's last frame belongs to what is around it: ` {` of its properties, `,` of a list.
    else if (kept.length > 0) kept.push(kept.pop() + (/:\d+\)?(\D*)$/.exec(line)?.[1] ?? ""));
  }
  return kept.join("\n");
}

function isOwnFrame(line) {
  if (!/^\s+at /.test(line)) return false;
  return (
    line.includes(node.file) ||
    /(?:\(node:(?:inspector|internal\/(?:timers|async_hooks)):| runNextTicks \(node:)/.test(line)
  );
}

module.exports = { RESULT_CHARACTERS, describe, withoutOwnFrames };
