// How the value of a last expression is shown: as the prompt does.

const { fail } = require("./ending.cjs");
const { RESULT_CHARACTERS, withoutOwnFrames } = require("./errors.cjs");
const { writeAll } = require("./output.cjs");
const { inspect } = require("./references.cjs");
const { hasForms, showLast } = require("./showing.cjs");

/** `_`, until the user takes the name for something else. */
const last = { value: undefined, isTaken: false };

/** Prints a value as the prompt does; false if that has ended the run. */
function show(run, value) {
  if (!last.isTaken) last.value = value;
  if (value === undefined) return true;
  try {
    const text = withoutOwnFrames(inspect(value, { showProxy: true }));
    run.result = text.slice(0, RESULT_CHARACTERS);
    writeAll(1, `${text}\n`);
    if (hasForms(value)) showLast(value);
    return true;
  } catch (error) {
    fail(run, error, undefined);
    return false;
  }
}

module.exports = { last, show };
