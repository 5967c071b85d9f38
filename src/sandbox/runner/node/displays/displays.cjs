// What displays a run has: each goes to the host at once, and a mark in standard output tells where it belongs.

const { isPromise } = require("../references.cjs");
const { MARKED, encode, send } = require("../protocol.cjs");
const { writeAll } = require("../output.cjs");
const { state } = require("../state.cjs");
const { isBlob } = require("./bytes.cjs");
const { fitInto } = require("./fitting.cjs");
const { formsAs, formsOf, oneLine, textOf } = require("./forms.cjs");
const { DISPLAYS_A_RUN, LINE_CHARACTERS } = require("./limits.cjs");

function display(value, mediaType) {
  const run = state.current;
  try {
    const shown = mediaType === undefined ? formsOf(value) : formsAs(value, String(mediaType));
    if (shown === null) print(textOf(value));
    else showForms(run, shown);
  } catch (error) {
    print(`[a value could not be shown: ${oneLine(error)}]`);
  }
}

/** The text of it has been printed. */
function showLast(value) {
  const run = state.current;
  try {
    const shown = formsOf(value);
    if (shown === null) return;
    delete shown.data["text/plain"];
    if (!isBare(textOf(value))) delete shown.data["text/html"];
    if (Object.keys(shown.data).length + shown.notes.length === 0) return;
    showForms(run, shown);
  } catch {
    // Its text was printed, and says enough.
  }
}

/** A text that says no more than what it is of. */
function isBare(text) {
  return /^[\w$.]* ?\{\}$/.test(text);
}

function isToCome(form) {
  return isPromise(form) || isBlob(form);
}

/** Of a Blob, or of a method that returns a promise, some is yet to come. */
function showForms(run, shown) {
  const number = place(run);
  if (!Object.values(shown.data).some(isToCome)) tell(run, shown, number);
  else void showLater(run, shown, number);
}

/** It belongs where it was asked for. The run waits for it, though not for long: see resources.cjs. Never rejects. */
async function showLater(run, shown, number) {
  if (run !== null) run.awaitedDisplays += 1;
  for (const [mediaType, form] of Object.entries(shown.data)) {
    try {
      shown.data[mediaType] = isBlob(form) ? new Uint8Array(await form.arrayBuffer()) : await form;
      if (mediaType === "") nameType(shown, shown.data[mediaType]);
    } catch (error) {
      delete shown.data[mediaType];
      shown.notes.push(`its ${mediaType} failed: ${oneLine(error)}`);
    }
  }
  try {
    // What comes after its run's end is nobody's place any more.
    tell(run === state.current ? run : null, shown, number);
  } catch (error) {
    print(`[a value could not be shown: ${oneLine(error)}]`);
  }
  if (run !== null) run.awaitedDisplays -= 1;
}

/** Of a Blob that has none. */
function nameType(shown, bytes) {
  const forms = formsOf(bytes);
  delete shown.data[""];
  Object.assign(shown.data, forms?.data ?? { "application/octet-stream": bytes });
}

/** The number of the next display of a run, whose place is here; null where there is no run, undefined where it may show no more. */
function place(run) {
  if (run === null) return null;
  if (run.displays >= DISPLAYS_A_RUN - 1) {
    run.leftOut += 1;
    return undefined;
  }
  run.displays += 1;
  run.hasShown = true;
  writeAll(MARKED[0], `${run.mark}d${run.displays}\n`);
  return run.displays;
}

function tell(run, shown, number) {
  if (number === undefined) return;
  const fitted = fitInto(run, shown);
  if (number === null || run === null) {
    print(asText(fitted));
    return;
  }
  const line = encode({ id: run.id, display: { number, ...fitted } });
  if (line.length <= LINE_CHARACTERS) send(line);
  else send(encode({ id: run.id, display: { number, data: { "text/plain": "" }, note: "too large to be shown" } }));
}

function print(text) {
  try {
    writeAll(1, text.endsWith("\n") ? text : `${text}\n`);
  } catch {
    // The user has closed it.
  }
}

/** With a text of its, if there is one; and what is told beside it. */
function asText({ data, path, note }) {
  const texts = Object.entries(data).filter(([mediaType]) => !mediaType.startsWith("image/"));
  const told = [...(note === undefined ? [] : [note]), ...(path === undefined ? [] : [`saved as ${path}`])];
  return [...texts.slice(0, 1).map(([, text]) => text), ...(told.length > 0 ? [`[${told.join("; ")}]`] : [])].join(
    "\n",
  );
}

module.exports = { display, showLast };
