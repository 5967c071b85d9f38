// A source from its beginning to the value of its last expression.

const { putText, remember, textOf } = require("./cells.cjs");
const { isRefusal, rewriteRedeclaration } = require("./declarations.cjs");
const { fail, finish, later, onSigint } = require("./ending.cjs");
const { rewriteImports, unwrapObject } = require("./imports.cjs");
const { askForEraser } = require("./eraser.cjs");
const { hold, inspector, letGo } = require("./inspector.cjs");
const { beginLook } = require("./looking.cjs");
const { RUNNING, listenFirst, listenerCount, setImmediate, shared } = require("./references.cjs");
const { countResources, isPending, lastAsyncId } = require("./resources.cjs");
const { state } = require("./state.cjs");
const { connectStdin } = require("./stdin.cjs");
const { restoreDescriptors } = require("./streams.cjs");
const { eraseTypes } = require("./typescript.cjs");
const { show } = require("./values.cjs");
const { drain, listenLast } = require("./waiting.cjs");

// In how many ways a source is tried whose declarations are refused for those of earlier runs: a handful for each such name.
const MOST_WAYS = 50;

/** `stdin`: the descriptor of the run's input, or null for an empty one. */
function begin(seq, request, stdin = null) {
  const run = {
    seq,
    id: request.id,
    mark: request.mark,
    where: request.where,
    volumes: request.volumes ?? [],
    begun: beginLook(),
    cell: remember(request.source),
    immediates: [],
    // The last id that Node has given to anything asynchronous, if only what is ours has been started since the run's beginning.
    asyncIds: lastAsyncId(),
    isAnswered: false,
    isDrained: false,
    isIdle: false,
    late: null,
    held: [],
    // Whether it has been tried as TypeScript.
    isErased: false,
    timers: new Set(),
    timersLimit: 1000,
    resources: null,
    promise: null,
    // What it shows beside its output (displays/): how many, and of them pictures, and characters of their base64.
    displays: 0,
    pictures: 0,
    pictureCharacters: 0,
    hasShown: false,
    awaitedDisplays: 0,
    leftOut: 0,
    settledAt: 0,
    result: null,
    error: null,
    exitCode: null,
    ended: "exited",
    success: true,
  };
  state.current = run;
  Atomics.store(shared, RUNNING, seq);
  state.control.unref();
  listenLast();
  // None are left where the user has removed all.
  if (listenerCount("SIGINT") === 0) listenFirst("SIGINT", onSigint);
  run.resources = countResources();
  restoreDescriptors();
  connectStdin(stdin);
  evaluate(run, [rewriteImports(unwrapObject(request.source))]);
}

/**
 * Evaluates the first of `sources`, ways of writing the same, that is not refused before anything of it runs; `refusal` is what was
 * wrong with the very first. It is called from the event loop with nothing of ours below, as the user's stacks are to have nothing of ours.
 */
function evaluate(run, [source, ...others], refusal = null, tried = new Set()) {
  tried.add(source);
  const question = {
    expression: `${source}\n//# sourceURL=${run.cell}`,
    replMode: true,
    awaitPromise: true,
    objectGroup: "run",
  };
  const onAnswer = (failure, answer) => {
    if (state.current !== run) return;
    run.isAnswered = true;
    if (failure !== null) {
      // Terminated: by `stop`, which comes again, or by process.exit.
      if (run.exitCode !== null) finish(run);
      return;
    }
    const details = answer.exceptionDetails;
    const value = inspector.take(details?.exception ?? answer.result);
    if (details === undefined) {
      settle(run, value);
      return;
    }
    const isRefused = isRefusal(value, run.cell);
    const ways = isRefused && tried.size < MOST_WAYS ? [...rewriteRedeclaration(source, value), ...others] : [];
    const untried = ways.filter((way) => !tried.has(way));
    if (untried.length > 0) evaluate(run, untried, refusal ?? { value, details }, tried);
    else if (isRefused && refusal === null && !run.isErased) evaluateErased(run, value, details);
    else if (isRefused && refusal !== null) fail(run, refusal.value, refusal.details);
    else fail(run, value, details);
  };
  run.isAnswered = false;
  const holding = { promises: run.held, stop: () => {} };
  later(run, () => hold(holding));
  // Bound, as the user's stacks are to have nothing of ours.
  later(run, Reflect.apply(Function.prototype.bind, inspector.post, [null, "Runtime.evaluate", question, onAnswer]));
  run.asyncIds += 1;
  setImmediate(() => letGo(holding));
}

/** Evaluates what V8 has refused as TypeScript, if it is that; `value` is what was wrong. */
function evaluateErased(run, value, details) {
  run.isErased = true;
  const erased = eraseTypes(textOf(run.cell) ?? "");
  if (erased?.isWanting) askForEraser(run, () => evaluateErased(run, value, details));
  else goOn(run, erased, value, details);
}

function goOn(run, erased, value, details) {
  if (erased?.isMoved) putText(run.cell, erased.source);
  if (erased?.source !== undefined) evaluate(run, [rewriteImports(unwrapObject(erased.source))]);
  else fail(run, erased?.error ?? value, erased?.place ?? details);
}

function settle(run, value) {
  run.settledAt = Date.now();
  if (isPending(value)) run.promise = value;
  else if (!show(run, value)) return;
  later(run, () => drain(run, 1));
}

module.exports = { begin };
