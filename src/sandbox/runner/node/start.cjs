// The Node runner: an interpreter that keeps its state, spoken to in lines of JSON as the Python runner is (see python/main.py). Both of
// its threads start here: the main one, which runs the sources (main.cjs), and the control thread (control.cjs).
//
// Descriptors at the start: 0 empty, 1 and 2 the user's, 3 control-out, 4 control-in, 5 and 6 duplicates of 1 and 2 for the marks (Node
// cannot duplicate descriptors; it makes them all close-on-exec by itself). Standard library only, Node 18 and later. It is no ES module, since
// Node takes a third longer to start one.

const { LOOKS } = require("./beside.cjs");
const {
  CONTROL_IN,
  CONTROL_OUT,
  HEEDED,
  PONG,
  RUNNING,
  SPEAKING,
  TERMINATED,
  readControl,
  parse,
} = require("./control.cjs");

// program.ts puts the text of all that main.cjs is joined of here.
const MAIN = "main.cjs";

/** The main thread's side in a realm of its own: what the user makes of the builtins of this one is nothing to it. */
function start() {
  const { isMainThread, Worker } = require("node:worker_threads");
  if (!isMainThread) return void readControl();
  // Nobody's main module, as far as the user can see.
  delete process.mainModule;
  delete require.cache[__filename];
  const vm = require("node:vm");
  const shared = new Int32Array(new SharedArrayBuffer(20));
  const modules = {
    asyncHooks: require("node:async_hooks"),
    fs: require("node:fs"),
    inspector: require("node:inspector"),
    moduleModule: require("node:module"),
    path: require("node:path"),
    pathToFileURL: require("node:url").pathToFileURL,
    process,
    promiseHooks: require("node:v8").promiseHooks,
    timers: require("node:timers"),
    timersPromises: require("node:timers/promises"),
    util: require("node:util"),
    vm,
    Writable: require("node:stream").Writable,
  };
  makeProject(modules.fs, process.env.HOME);
  const startControl = (places) => {
    const workerData = { shared: shared.buffer, places };
    return new Worker(__filename, { workerData, execArgv: [], argv: [], trackUnmanagedFds: false });
  };
  const importFrom = (specifier) => import(specifier);
  const readFirst = () => readRequest(modules.fs);
  const load = (name) => require(name);
  const context = vm.createContext();
  const own = {
    ...{ file: __filename, world: globalThis, shared, context },
    ...{ CONTROL_OUT, HEEDED, LOOKS, PONG, RUNNING, SPEAKING, TERMINATED },
    ...{ startControl, importFrom, readFirst, load },
  };
  vm.runInContext(MAIN, context, { filename: __filename })({ ...modules, ...own });
}

/**
 * The packages of a template are in /node_modules, where each lookup of a module ends. npm takes the nearest folder upwards that has such a folder
 * for the project that it installs into: that is to be the home.
 */
function makeProject(fs, home) {
  if (home === undefined || !fs.existsSync("/node_modules")) return;
  try {
    fs.mkdirSync(`${home}/node_modules`, { recursive: true });
  } catch {
    // It is full or read-only: nothing can be installed there anyway.
  }
}

/**
 * Waits for the first request, and returns it and what has come behind it; `request` is null where something else comes first, or one with an
 * input, which the control thread has to make.
 */
function readRequest(fs) {
  let bytes = Buffer.alloc(0);
  try {
    const chunk = Buffer.alloc(1 << 16);
    while (!bytes.includes(10)) {
      const count = fs.readSync(CONTROL_IN, chunk);
      if (count === 0) process.kill(process.pid, "SIGKILL");
      bytes = Buffer.concat([bytes, chunk.subarray(0, count)]);
    }
  } catch {
    // EAGAIN, where whoever holds the other end has made it non-blocking: the control thread waits in its own way.
    return { request: null, rest: new Uint8Array(bytes) };
  }
  const end = bytes.indexOf(10);
  const message = parse(bytes.subarray(0, end).toString());
  if (typeof message?.source !== "string" || message.stdin === true)
    return { request: null, rest: new Uint8Array(bytes) };
  return { request: message, rest: new Uint8Array(bytes.subarray(end + 1)) };
}

start();
