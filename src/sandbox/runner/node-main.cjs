// The main thread of the Node runner: runs sources one after the other and tells how they ended.
//
// It is the body of a function that node.mjs calls with `node`: Node's modules, and its own world. It runs in a realm of its own, whose builtins
// no user can reach. Whatever the user makes of Array.prototype.push, this goes on; so nothing here may call a method of an object of the user's
// realm, lists that Node hands out included, and what the user is given must look like something of that realm.
//
// Sources are evaluated by V8's own REPL mode, through the inspector: V8 itself knows top-level await, declarations that may be
// repeated, and the value of a last expression; no parser of ours has to. Two gaps of that mode are filled by small rewritings below: it knows
// no `import`, and does not let a `let` follow a `var` or a function of the same name.
//
// A run ends as `node script.js` does: when its code has been evaluated and what it has started is done (timers, requests, promises).
// It does not wait for servers, watchers and intervals, and for sockets, child processes and workers only for a while. Where it awaits what
// nothing is left to settle, it ends with status 13: during a run nothing of ours keeps the event loop alive, so Node itself notices.
//
// Known limits: before Node 24, computing code that is interrupted while an AsyncLocalStorage is in use takes the process with it (an
// assertion of the runtime's; the host replaces it). A SIGINT, which is the user's and ends a run with status 130 if there is no listener for it,
// reaches only code that returns to the event loop; an interrupt on control-in reaches all but system calls that wait. What an interrupted run
// awaits of the network may still come and go on.

const { fs, moduleModule, path, process, timers, timersPromises, util, vm, world, shared, RUNNING, PONG } = node;
// As they are now, before the user puts something else in their place.
const { fstatSync, openSync, writeSync } = fs;
const { createRequire } = moduleModule;
const { join, isAbsolute } = path;
const { setImmediate, setTimeout, clearTimeout, clearImmediate } = timers;
const { inspect } = util;
const { isNativeError, isPromise } = util.types;
const { Script } = vm;
const { AsyncResource } = node.asyncHooks;
const { Session } = node.inspector;
const { onInit } = node.promiseHooks;
const { Promise: UsersPromise, SyntaxError: UsersSyntaxError } = world;
const FunctionPrototype = world.Function.prototype;
const cwd = own(process, "cwd");
const kill = own(process, "kill");
const nextTick = own(process, "nextTick");
const listeners = own(process, "listeners");
const listenerCount = own(process, "listenerCount");
const listen = own(process, "on");
const listenFirst = own(process, "prependListener");
const listenNoMore = own(process, "off");
const activeResources = own(process, "getActiveResourcesInfo");
const encodeText = own(new util.TextEncoder(), "encode");
const bytesOf = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(Uint8Array.prototype));

const CONTROL_OUT = 3;
const MARKED = [5, 6];
const READY = { ready: true, pid: process.pid, protocol: 2 };
// No more than this is sure to stay in one piece in a pipe that others write to as well (PIPE_BUF), in bytes.
const WHOLE_BYTES = 4096;

// What an answer may carry of a value and of a traceback, in characters; the whole of it has been printed.
const RESULT_CHARACTERS = 64 * 1024;
// Sources kept to show the line of an error, in cells and in characters; the oldest go first.
const KEPT_CELLS = 1000;
const KEPT_CHARACTERS = 8 * 1024 * 1024;
// In how many ways a source is tried whose declarations are refused for those of earlier runs: a handful for each such name.
const MOST_WAYS = 50;
// Promises that are kept from being collected: the first that a source makes is the one that its evaluation is answered by.
const MOST_HELD = 100;
// How long a run waits for sockets, child processes and workers that it has left open: they may be meant to stay.
const LINGER_MS = 5000;
const OWN_SERVER_LINGER_MS = 100;
// As Node has it for an await that nothing can settle, and a shell for a program that a SIGINT ends.
const UNSETTLED_STATUS = 13;
const SIGINT_STATUS = 130;

function serve() {
  const cells = new Map();
  let cellCount = 0;
  let cellCharacters = 0;
  /** The run that is on. */
  let current = null;
  /** What to do once the runtime has cleaned up after code that was terminated. */
  let afterCleaning = null;
  /** `_`, until the user takes the name for something else. */
  let lastValue;
  let isLastValueTaken = false;
  const CLEANING = new Error("clean up");

  /** The inspector of this very thread, and how to get hold of a value that it describes. */
  let session;
  let post;
  let take;

  connect();
  process.execArgv.length = 0;
  process.argv.length = 1;
  const restoreStreams = replaceStreams();
  replaceExit();
  trackTimers();
  provideNames();
  moduleModule.syncBuiltinESMExports();
  process.setUncaughtExceptionCaptureCallback(onUncaught);
  listen("beforeExit", onIdle);
  listen("SIGINT", onSigint);

  const control = node.startControl();
  control.on("message", (message) => {
    if (message.ping !== undefined) Atomics.store(shared, PONG, message.ping);
    else if (message.request !== undefined) begin(message.seq, message.request);
    else if (message.attach !== undefined) attach(message.attach);
    else if (current !== null && current.seq === message.interrupt) stop(current, message.forced);
  });
  control.on("exit", () => kill(process.pid, "SIGKILL"));
  control.unref();
  /** Those that are there all the time and keep no event loop alive. */
  const ownResources = countResources();
  control.ref();
  send(encode(READY));

  function attach(mark) {
    for (const fd of MARKED) writeAll(fd, mark);
    send(encode(READY));
  }

  function send(line) {
    writeAll(CONTROL_OUT, line);
  }

  function encode(message) {
    return `${JSON.stringify(message)}\n`;
  }

  // One run, from its beginning to its end

  function begin(seq, request) {
    cellCount += 1;
    const run = {
      seq,
      id: request.id,
      mark: request.mark,
      where: request.where,
      cell: `cell-${cellCount}`,
      immediates: [],
      // The last id that Node has given to anything asynchronous, if only what is ours has been started since the run's beginning.
      asyncIds: lastAsyncId(),
      isAnswered: false,
      isDrained: false,
      isIdle: false,
      late: null,
      held: [],
      timers: new Set(),
      timersLimit: 1000,
      resources: null,
      promise: null,
      settledAt: 0,
      result: null,
      error: null,
      exitCode: null,
      ended: "exited",
      success: true,
    };
    current = run;
    Atomics.store(shared, RUNNING, seq);
    control.unref();
    listenLast();
    // None are left where the user has removed all.
    if (listenerCount("SIGINT") === 0) listenFirst("SIGINT", onSigint);
    run.resources = countResources();
    restoreStreams();
    remember(run.cell, request.source);
    evaluate(run, [rewriteImports(unwrapObject(request.source))]);
  }

  /** From the event loop, unless the run is over by then. */
  function later(run, action) {
    run.asyncIds += 1;
    // Without arguments, which Node spreads: that takes an iterator of the user's realm.
    run.immediates.push(setImmediate(action));
  }

  function remember(cell, source) {
    cells.set(cell, source);
    cellCharacters += source.length;
    for (const [oldest, text] of cells) {
      if (cells.size <= KEPT_CELLS && (cellCharacters <= KEPT_CHARACTERS || cells.size === 1)) return;
      cells.delete(oldest);
      cellCharacters -= text.length;
    }
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
      if (current !== run) return;
      run.isAnswered = true;
      if (failure !== null) {
        // Terminated: by `stop`, which comes again, or by process.exit.
        if (run.exitCode !== null) finish(run);
        return;
      }
      const details = answer.exceptionDetails;
      const value = take(details?.exception ?? answer.result);
      if (details === undefined) {
        settle(run, value);
        return;
      }
      const isRefused = isRefusal(value, run.cell);
      const ways = isRefused && tried.size < MOST_WAYS ? [...rewriteRedeclaration(source, value), ...others] : [];
      const untried = ways.filter((way) => !tried.has(way));
      if (untried.length > 0) evaluate(run, untried, refusal ?? { value, details }, tried);
      else if (isRefused && refusal !== null) fail(run, refusal.value, refusal.details);
      else fail(run, value, details);
    };
    run.isAnswered = false;
    const holding = { promises: run.held, stop: () => {} };
    later(run, () => hold(holding));
    // Bound, as the user's stacks are to have nothing of ours.
    later(run, Reflect.apply(Function.prototype.bind, post, [null, "Runtime.evaluate", question, onAnswer]));
    run.asyncIds += 1;
    setImmediate(() => letGo(holding));
  }

  /** Keeps the first promises that are made from now on. */
  function hold(holding) {
    try {
      holding.stop = onInit((promise) => {
        if (holding.promises !== null && holding.promises.length < MOST_HELD) holding.promises.push(promise);
      });
    } catch {
      // Node has its own use for Array.prototype.constructor here.
    }
  }

  function letGo(holding) {
    holding.promises = null;
    try {
      holding.stop();
    } catch {
      // As above: it goes on to be told, and does nothing.
    }
  }

  // A connection whose answer is outstanding must not see its promise collected as garbage: it would be told so in the middle of the
  // collection, and the process would abort. Hence `held`, and a new connection after a run that has not been answered.
  function connect() {
    session?.disconnect();
    session = new Session();
    session.connect();
    post = own(session, "post");
    take = handOver();
  }

  function settle(run, value) {
    run.settledAt = Date.now();
    if (isPending(value)) run.promise = value;
    else if (!show(run, value)) return;
    later(run, () => drain(run, 1));
  }

  /** Prints a value as the prompt does; false if that has ended the run. */
  function show(run, value) {
    if (!isLastValueTaken) lastValue = value;
    if (value === undefined) return true;
    try {
      const text = withoutOwnFrames(inspect(value, { showProxy: true }));
      run.result = text.slice(0, RESULT_CHARACTERS);
      writeAll(1, `${text}\n`);
      return true;
    } catch (error) {
      fail(run, error, undefined);
      return false;
    }
  }

  function drain(run, waitMs) {
    if (current !== run) return;
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

  function isNothingStaying(counts) {
    for (const [type, count] of counts) {
      if (type !== "Immediate" && count > (ownResources.get(type) ?? 0)) return false;
    }
    return true;
  }

  function hasWork(run, counts) {
    for (const timer of run.timers) {
      if (!timer._destroyed && timer.hasRef() && typeof timer._repeat !== "number") return true;
    }
    const isAwaited = run.promise !== null && isPending(run.promise);
    for (const [type, count] of counts) {
      if (count <= (run.resources.get(type) ?? 0) || LASTING.has(type)) continue;
      if (!LINGERING.has(type) || isAwaited) return true;
      // A server of the user's own keeps its end of a connection open.
      const lingerMs = type === "TCPSocketWrap" && counts.has("TCPServerWrap") ? OWN_SERVER_LINGER_MS : LINGER_MS;
      if (Date.now() - run.settledAt < lingerMs) return true;
    }
    return false;
  }

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
    afterCleaning = () => {
      if (current === run) finish(run);
    };
    setImmediate(clean);
  }

  /** The first of all listeners, so that one of the user's that is called once is still there. */
  function onSigint() {
    if (current !== null && listenerCount("SIGINT") === 1) exit(current, SIGINT_STATUS);
  }

  /** Nothing is left that could go on: the run is over, or awaits what will never be. */
  function onIdle() {
    const run = current;
    if (run === null) {
      control.ref();
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

  function endUnsettled(run) {
    const awaits = tokenize(cells.get(run.cell)).filter(({ text, kind }) => kind === "name" && text === "await");
    const line = awaits.length === 1 ? cells.get(run.cell).slice(0, awaits[0].start).split("\n").length : null;
    const text = line === null ? "" : `${cells.get(run.cell).split("\n")[line - 1]}\n^\n`;
    const message = `Detected unsettled top-level await at ${run.cell}${line === null ? "" : `:${line}`}`;
    run.error = { type: "Warning", message, traceback: `Warning: ${message}\n${text}` };
    writeAll(2, run.error.traceback);
    exit(run, process.exitCode === undefined ? UNSETTLED_STATUS : exitStatus(process.exitCode));
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
      const next = afterCleaning;
      afterCleaning = null;
      next?.();
      return;
    }
    if (listenerCount("uncaughtException") > 0) process.emit("uncaughtException", error, "uncaughtException");
    else if (current !== null) fail(current, error, undefined);
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
    if (current !== run) return;
    if (run.exitCode === null && process.exitCode !== undefined && run.ended === "exited")
      run.exitCode = exitStatus(process.exitCode);
    if (run.exitCode !== null && run.exitCode !== 0) run.success = false;
    process.exitCode = undefined;
    for (const immediate of run.immediates) clearImmediate(immediate);
    clearTimeout(run.late);
    current = null;
    control.ref();
    if (run.isAnswered) post("Runtime.releaseObjectGroup", { objectGroup: "run" });
    else connect();
    run.held.length = 0;
    Atomics.store(shared, RUNNING, 0);
    const { id, ended, success, exitCode, result, error } = run;
    const line = encode({ id, ended, success, exitCode, result, error, displays: [] });
    const [stdout, stderr] = MARKED;
    writeAll(stderr, run.mark);
    const whole = run.where === "stdout" ? toBytes(run.mark + line) : null;
    const fits = whole !== null && whole.length <= WHOLE_BYTES;
    writeAll(stdout, fits ? whole : `${run.mark}\n`);
    if (!fits) send(line);
  }

  // Errors

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
    const text = cells.get(cell)?.split("\n")[Number(line) - 1];
    if (text === undefined || text.length > 1000) return "";
    return `${cell}:${line}\n${text}\n${" ".repeat(Math.max(0, Math.min(text.length, Number(column) - 1)))}^\n\n`;
  }

  // What is changed in the user's world

  /** Names that the prompt has and a module has not. */
  function provideNames() {
    const module = new moduleModule("<repl>");
    module.paths = moduleModule._nodeModulePaths(cwd());
    const require = requireFromHere(module);
    define("require", { value: require, writable: true });
    define("module", { value: module, writable: true });
    define("exports", { value: module.exports, writable: true });
    define("__dirname", { get: () => cwd(), set: (value) => define("__dirname", { value, writable: true }) });
    define("__filename", {
      get: () => join(cwd(), "<repl>"),
      set: (value) => define("__filename", { value, writable: true }),
    });
    define("__import__", { value: importer(), writable: true });
    define("_", {
      get: () => lastValue,
      set: (value) => {
        isLastValueTaken = true;
        define("_", { value, writable: true });
      },
    });
    for (const name of moduleModule.builtinModules) {
      if (/^_|\//.test(name) || name in world) continue;
      define(name, { get: () => require(name), set: (value) => define(name, { value, writable: true }) });
    }
    function define(name, property) {
      Object.defineProperty(world, name, { configurable: true, enumerable: false, ...property });
    }
  }

  function replaceExit() {
    process.exit = given(function exit(code) {
      const status = exitStatus(code === undefined ? process.exitCode : code);
      if (current !== null) {
        const run = current;
        run.exitCode = status;
        run.success = status === 0;
        clearTimers(run);
        afterCleaning = () => finish(run);
        setImmediate(clean);
      }
      // No `catch` and no `finally` of the user's runs after this.
      post("Runtime.terminateExecution");
      for (;;);
    });
  }

  function trackTimers() {
    for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
      const original = timers[name];
      const { [name]: tracked } = {
        [name](...args) {
          const timer = Reflect.apply(original, this, args);
          if (current !== null) track(current, timer);
          return timer;
        },
      };
      given(tracked);
      const custom = name === "setTimeout" ? sleep : original[util.promisify.custom];
      Object.defineProperty(tracked, util.promisify.custom, { value: custom, enumerable: true, configurable: true });
      timers[name] = tracked;
      world[name] = tracked;
    }
    const originalSleep = timersPromises.setTimeout;
    given(sleep);
    function sleep(ms, value, options) {
      if (options !== undefined) return originalSleep(ms, value, options);
      return new UsersPromise((resolve) => timers.setTimeout(resolve, ms, value));
    }
    timersPromises.setTimeout = sleep;
  }

  function track(run, timer) {
    run.timers.add(timer);
    if (run.timers.size < run.timersLimit) return;
    for (const old of run.timers) if (old._destroyed) run.timers.delete(old);
    run.timersLimit = run.timers.size * 2 + 1000;
  }

  function clearTimers(run) {
    for (const timer of run.timers) {
      if ("_onImmediate" in timer) clearImmediate(timer);
      else clearTimeout(timer);
    }
    run.timers.clear();
  }

  /** A function that gives the value behind an inspector's description of it. */
  function handOver() {
    let taken;
    world.__receive = (value) => {
      taken = value;
    };
    let receiver;
    post("Runtime.evaluate", { expression: "__receive" }, (_, answer) => {
      receiver = answer.result.objectId;
    });
    delete world.__receive;
    return (remote) => {
      if (remote.type === "undefined") return undefined;
      const { value, unserializableValue, objectId } = remote;
      // Absent members are absent on the wire; a primitive that JSON cannot carry has no `value`.
      const argument = { objectId, unserializableValue, value };
      const question = {
        objectId: receiver,
        functionDeclaration: "function (value) { this(value); }",
        arguments: [argument],
        silent: true,
      };
      post("Runtime.callFunctionOn", question);
      const value_ = taken;
      taken = undefined;
      return value_;
    };
  }
}

function lastAsyncId() {
  return new AsyncResource("sandbox").asyncId();
}

/** A method that stays what it is, with the object that it is of. */
function own(object, name) {
  return Reflect.apply(Function.prototype.bind, object[name], [object]);
}

/** A function of ours as one of the user's realm. */
function given(ours) {
  return Object.setPrototypeOf(ours, FunctionPrototype);
}

/** What a run waits for only while it may linger, and what it never waits for. Timers are counted by themselves. */
const LINGERING = new Set([
  "TCPSocketWrap",
  "TLSWrap",
  "PipeWrap",
  "ProcessWrap",
  "Worker",
  "MessagePort",
  "HTTP2Session",
]);
const LASTING = new Set([
  "Timeout",
  "Immediate",
  "TCPServerWrap",
  "PipeServerWrap",
  "UDPWrap",
  "FSEventWrap",
  "StatWatcher",
  "SignalWrap",
  "TTYWrap",
]);

function countResources() {
  const counts = new Map();
  const types = activeResources();
  for (let at = 0; at < types.length; at += 1) counts.set(types[at], (counts.get(types[at]) ?? 0) + 1);
  return counts;
}

/** `require` as of a file in the working directory, whichever that is when it is called. */
function requireFromHere(main) {
  let from = null;
  let requireFrom;
  const present = () => {
    const directory = cwd();
    if (directory !== from) {
      requireFrom = createRequire(join(directory, "<repl>"));
      from = directory;
    }
    return requireFrom;
  };
  const { cache, extensions } = present();
  const require = given(function require(id) {
    return present()(id);
  });
  const resolve = given((request, options) => present().resolve(request, options));
  resolve.paths = given((request) => present().resolve.paths(request));
  // `if (require.main === module)` runs.
  return Object.assign(require, { resolve, main, extensions, cache });
}

function isPending(value) {
  return isPromise(value) && inspect(value, { depth: 0 }).includes("<pending>");
}

function exitStatus(code) {
  const number = Number(code ?? 0);
  return Number.isInteger(number) ? number & 0xff : 1;
}

/** Takes what is below the user's code out of the stacks in a text. */
function withoutOwnFrames(text) {
  if (!text.includes("(node:") && !text.includes(node.url)) return text;
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
    line.includes(node.url) ||
    /(?:\(node:(?:inspector|internal\/(?:timers|async_hooks)):| runNextTicks \(node:)/.test(line)
  );
}

/**
 * `import()` as of a file in the working directory.
 * `names`, for rewritten import statements, are what the module has to export.
 */
function importer() {
  const useLoader = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const __import__ = given(function __import__(specifier, options, names = []) {
    return new UsersPromise((resolve, reject) => {
      importWith(specifier, options, names).then(resolve, reject);
    });
  });
  // For code that is made of text: V8 asks Node for its imports, and Node knows nothing of where they come from.
  const text = (code) => (typeof code === "string" ? rewriteImports(code, { isModule: false }) : code);
  return Object.assign(__import__, { text, texts: (...codes) => codes.map(text) });

  async function importWith(specifier, options, names) {
    const namespace = await load(`${specifier}`, options, join(cwd(), "<repl>"));
    for (let at = 0; at < names.length; at += 1) {
      if (!(names[at] in namespace)) {
        throw new UsersSyntaxError(
          `The requested module '${specifier}' does not provide an export named '${names[at]}'`,
        );
      }
    }
    return namespace;
  }

  function load(specifier, options, from) {
    if (useLoader !== undefined) {
      // It warns once that this is experimental, which is not the user's concern.
      const { emitWarning } = process;
      process.emitWarning = () => {};
      try {
        const script = new Script("(s, o) => import(s, o)", { filename: from, importModuleDynamically: useLoader });
        return script.runInThisContext()(specifier, options);
      } finally {
        process.emitWarning = emitWarning;
      }
    }
    if (/^[a-z][a-z0-9+.-]+:/i.test(specifier)) return node.importFrom(specifier);
    const found = createRequire(from).resolve(specifier);
    return node.importFrom(isAbsolute(found) ? node.pathToFileURL(found).href : found);
  }
}

// Streams: written synchronously, so that nothing is ever left to flush and everything is in order with what native code and children print.

/** Returns a function that makes descriptors that the user has closed usable again. */
function replaceStreams() {
  for (const [name, fd] of [
    ["stdout", 1],
    ["stderr", 2],
  ]) {
    const stream = new node.Writable({
      write(chunk, _encoding, done) {
        writeAll(fd, chunk);
        done();
      },
    });
    // As of the stream that this stands for: it can neither be ended nor destroyed.
    const end = (chunk, encoding, done) => {
      const last = [chunk, encoding, done].find((argument) => typeof argument === "function");
      if (chunk !== undefined && chunk !== null && chunk !== last)
        stream.write(chunk, typeof encoding === "string" ? encoding : undefined);
      if (last !== undefined) nextTick(last);
      return stream;
    };
    Object.assign(stream, { fd, _type: "fs", _isStdio: true, end, destroy: () => stream, destroySoon: () => stream });
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
  }
  return () => {
    for (const [fd, file, flags] of [
      [0, "/dev/null", "r"],
      [1, "/proc/self/fd/5", "a"],
      [2, "/proc/self/fd/6", "a"],
    ]) {
      try {
        fstatSync(fd);
      } catch {
        try {
          // The lowest free descriptor: the one that was found closed.
          openSync(file, flags);
        } catch {
          // A socket cannot be opened again; the run's prints fail, as it asked for.
        }
      }
    }
  };
}

function writeAll(fd, data) {
  const bytes = toBytes(data);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      // A child that shares the pipe may have made it non-blocking.
      if (error.code !== "EAGAIN") {
        if (fd > 2) kill(process.pid, "SIGKILL");
        throw error;
      }
      sleepSync(1);
    }
  }
}

/** Of this realm, as Node asks them for their length. */
function toBytes(data) {
  if (data instanceof Uint8Array) return data;
  const bytes = typeof data === "string" ? encodeText(data) : data;
  const get = (name) => Reflect.apply(bytesOf[name].get, bytes, []);
  return new Uint8Array(get("buffer"), get("byteOffset"), get("byteLength"));
}

function sleepSync(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

// Sources

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

function isProperty(tokens, at) {
  const before = tokens[at - 1]?.text;
  return before === "." || before === "?." || before === "#" || tokens[at + 1]?.text === ":";
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

/**
 * Splits a source into tokens: `{ kind, text, start, end, depth, newline }`, where `depth` counts the brackets around it and `newline` says that
 * it is the first of its line. Good enough to tell code from strings, comments, templates and regular expressions; V8 judges the rest.
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

serve();
