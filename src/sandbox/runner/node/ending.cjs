// How a run ends: by itself, by a failure, by process.exit, by an interrupt.

const { RESULT_CHARACTERS, describe } = require("./errors.cjs");
const { connect, inspector } = require("./inspector.cjs");
const { withChanges } = require("./looking.cjs");
const { toBytes, writeAll } = require("./output.cjs");
const { MARKED, WHOLE_BYTES, encode, send } = require("./protocol.cjs");
const {
  HEEDED,
  RUNNING,
  clearImmediate,
  clearTimeout,
  given,
  kill,
  listenerCount,
  process,
  setImmediate,
  shared,
} = require("./references.cjs");
const { state } = require("./state.cjs");
const { disconnectStdin } = require("./stdin.cjs");
const { clearTimers } = require("./timers.cjs");

const SIGINT_STATUS = 130;
const CLEANING = new Error("clean up");

/** Ends a run that is not to go on: interrupted, or (from inside) by process.exit. */
function stop(run, wasTerminated) {
  if (run.exitCode === null && run.ended !== "interrupted") {
    run.ended = "interrupted";
    run.success = false;
    const message = "Script execution was interrupted";
    run.error = { type: "Error", message, traceback: `Uncaught Error: ${message}` };
    writeAll(2, `${run.error.traceback}\n`);
  }
  clearTimers(run);
  if (!wasTerminated) {
    finish(run);
    return;
  }
  state.afterCleaning = () => {
    if (state.current === run) finish(run);
  };
  setImmediate(clean);
}

/** An interrupt that is the user's to answer, if the user listens; otherwise it ends the run. */
function interrupt(run) {
  if (listenerCount("SIGINT") < 2) {
    stop(run, false);
    return;
  }
  Atomics.add(shared, HEEDED, 1);
  kill(process.pid, "SIGINT");
}

/** The first of all listeners, so that one of the user's that is called once is still there. */
function onSigint() {
  if (state.current !== null && listenerCount("SIGINT") === 1) exit(state.current, SIGINT_STATUS);
}

/** Ends a run from the event loop, as the end of its program. */
function exit(run, status) {
  run.exitCode = status;
  run.success = status === 0;
  clearTimers(run);
  finish(run);
}

// Code that is terminated inside a callback leaves the runtime's stack of asynchronous contexts behind. The runtime
// empties it when it handles an uncaught exception: so it gets one.
function clean() {
  throw CLEANING;
}

function onUncaught(error) {
  if (error === CLEANING) {
    const next = state.afterCleaning;
    state.afterCleaning = null;
    next?.();
    return;
  }
  if (listenerCount("uncaughtException") > 0) process.emit("uncaughtException", error, "uncaughtException");
  else if (state.current !== null) fail(state.current, error, undefined);
}

function fail(run, value, details) {
  run.success = false;
  run.error = describe(value, details, run.cell);
  writeAll(2, `${run.error.traceback}\n`);
  run.error.traceback = run.error.traceback.slice(0, RESULT_CHARACTERS);
  clearTimers(run);
  later(run, () => finish(run));
}

function finish(run) {
  if (state.current !== run) return;
  if (run.exitCode === null && process.exitCode !== undefined && run.ended === "exited")
    run.exitCode = exitStatus(process.exitCode);
  if (run.exitCode !== null && run.exitCode !== 0) run.success = false;
  process.exitCode = undefined;
  for (const immediate of run.immediates) clearImmediate(immediate);
  clearTimeout(run.late);
  disconnectStdin(run);
  state.current = null;
  state.control.ref();
  if (run.isAnswered) inspector.post("Runtime.releaseObjectGroup", { objectGroup: "run" });
  else connect();
  run.held.length = 0;
  Atomics.store(shared, RUNNING, 0);
  tellLeftOut(run);
  const { id, ended, success, exitCode, result, error } = run;
  const answer = { id, ended, success, exitCode, result, error, displays: [] };
  const line = encode(withChanges(answer, run));
  const [stdout, stderr] = MARKED;
  writeAll(stderr, run.mark);
  const whole = run.where === "stdout" ? toBytes(run.mark + line) : null;
  // Behind what it has shown, which may still be on its way.
  const fits = whole !== null && !run.hasShown && whole.length <= WHOLE_BYTES;
  writeAll(stdout, fits ? whole : `${run.mark}\n`);
  if (!fits) send(line);
}

/** The place of the last display that the host takes of a run is at its end. */
function tellLeftOut({ id, displays, leftOut }) {
  if (leftOut === 0) return;
  const note = `${leftOut} more were left out: a run shows at most ${displays}`;
  send(encode({ id, display: { number: displays + 1, data: { "text/plain": "" }, note } }));
}

function exitStatus(code) {
  const number = Number(code ?? 0);
  return Number.isInteger(number) ? number & 0xff : 1;
}

function replaceExit() {
  process.exit = given(function exit(code) {
    const status = exitStatus(code === undefined ? process.exitCode : code);
    if (state.current !== null) {
      const run = state.current;
      run.exitCode = status;
      run.success = status === 0;
      clearTimers(run);
      state.afterCleaning = () => finish(run);
      setImmediate(clean);
    }
    // No `catch` and no `finally` of the user's runs after this.
    inspector.post("Runtime.terminateExecution");
    for (;;);
  });
}

/** From the event loop, unless the run is over by then. */
function later(run, action) {
  run.asyncIds += 1;
  // Without arguments, which Node spreads: that takes an iterator of the user's realm.
  run.immediates.push(setImmediate(action));
}

module.exports = { exit, exitStatus, fail, finish, interrupt, later, onSigint, onUncaught, replaceExit, stop };
