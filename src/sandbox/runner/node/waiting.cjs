// A run goes on until what it has started is done.

const { textOf } = require("./cells.cjs");
const { exit, exitStatus, finish, later } = require("./ending.cjs");
const { writeAll } = require("./output.cjs");
const {
  TERMINATED,
  clearTimeout,
  listen,
  listenNoMore,
  listenerCount,
  listeners,
  process,
  setTimeout,
  shared,
} = require("./references.cjs");
const { LINGER_MS, countResources, hasWork, isNothingStaying, lastAsyncId } = require("./resources.cjs");
const { state } = require("./state.cjs");
const { tokenize } = require("./tokens.cjs");
const { show } = require("./values.cjs");

// As Node has it for an await that nothing can settle, and a shell for a program that a SIGINT ends.
const UNSETTLED_STATUS = 13;

function drain(run, waitMs) {
  if (state.current !== run || isBeingStopped(run)) return;
  const counts = countResources();
  if (hasWork(run, counts)) {
    // By way of an immediate, when no timer of ours is listed any more.
    setTimeout(() => later(run, () => drain(run, Math.min(waitMs * 2, 20))), waitMs);
    return;
  }
  // It takes an id to ask for one.
  const mayGoOn = lastAsyncId() > run.asyncIds + 1 || listenerCount("beforeExit") > 1;
  if (mayGoOn && !run.isDrained && isNothingStaying(counts)) {
    waitForIdle(run);
    return;
  }
  if (run.promise !== null && !show(run, run.promise)) return;
  finish(run);
}

/** What threads compute is not listed among the resources. Node knows of it, where nothing else is there to stay. */
function waitForIdle(run) {
  run.isDrained = true;
  run.late = setTimeout(() => finish(run), LINGER_MS).unref();
  listenLast();
}

/** What the user's listeners do belongs to the run. There may be none left, either. */
function listenLast() {
  const all = listeners("beforeExit");
  if (all[all.length - 1] === onIdle) return;
  listenNoMore("beforeExit", onIdle);
  listen("beforeExit", onIdle);
}

/** Nothing is left that could go on: the run is over, or awaits what will never be. */
function onIdle() {
  const run = state.current;
  if (run === null) {
    state.control.ref();
  } else if (isBeingStopped(run)) {
    return;
  } else if (run.isDrained) {
    clearTimeout(run.late);
    drain(run, 1);
  } else if (run.isIdle) {
    endUnsettled(run);
  } else {
    // A signal that it has sent itself may be on its way.
    run.isIdle = true;
    later(run, () => {});
  }
}

/** Code of it has been terminated: the word that ends it is on its way, and is waited for. */
function isBeingStopped(run) {
  if (Atomics.load(shared, TERMINATED) !== run.seq) return false;
  state.control.ref();
  return true;
}

function endUnsettled(run) {
  const awaits = tokenize(textOf(run.cell)).filter(({ text, kind }) => kind === "name" && text === "await");
  const line = awaits.length === 1 ? textOf(run.cell).slice(0, awaits[0].start).split("\n").length : null;
  const text = line === null ? "" : `${textOf(run.cell).split("\n")[line - 1]}\n^\n`;
  const message = `Detected unsettled top-level await at ${run.cell}${line === null ? "" : `:${line}`}`;
  run.error = { type: "Warning", message, traceback: `Warning: ${message}\n${text}` };
  writeAll(2, run.error.traceback);
  exit(run, process.exitCode === undefined ? UNSETTLED_STATUS : exitStatus(process.exitCode));
}

module.exports = { drain, listenLast, onIdle };
