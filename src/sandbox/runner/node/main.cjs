// The main thread of the Node runner: runs sources one after the other and tells how they ended.
//
// All that is joined here is the body of a function that start.cjs calls with `node`: Node's modules, and its world. It runs in a realm of its own, whose builtins
// no user can reach. Whatever the user makes of Array.prototype.push, this goes on; so nothing here may call a method of an object of the user's
// realm, lists that Node hands out included, and what the user is given must look like something of that realm.
//
// Sources are evaluated by V8's own REPL mode, through the inspector: V8 itself knows top-level await, declarations that may be
// repeated, and the value of a last expression; no parser of ours has to. Two gaps of that mode are filled by small rewritings: it knows
// no `import` (imports.cjs), and does not let a `let` follow a `var` or a function of the same name (declarations.cjs).
//
// A run ends as `node script.js` does: when its code has been evaluated and what it has started is done (timers, requests, promises).
// It does not wait for servers, watchers and intervals, and for sockets, child processes and workers only for a while. Where it awaits what
// nothing is left to settle, it ends with status 13: during a run nothing of ours keeps the event loop alive, so Node itself notices.
//
// Known limits: before Node 24, computing code that is interrupted while an AsyncLocalStorage is in use takes the process with it (an
// assertion of the runtime's; the host replaces it). A SIGINT, which is the user's and ends a run with status 130 if there is no listener for it,
// reaches only code that returns to the event loop; an interrupt on control-in reaches all but system calls that wait, and one that is sent once
// is a SIGINT for code that listens for that and returns to the event loop within half a second. What an interrupted run
// awaits of the network may still come and go on.

const { interrupt, onSigint, onUncaught, replaceExit, stop } = require("./ending.cjs");
const { takeEraser } = require("./eraser.cjs");
const { begin } = require("./evaluation.cjs");
const { connect } = require("./inspector.cjs");
const { heardOfLook } = require("./looking.cjs");
const { provideNames } = require("./names.cjs");
const { READY, attach, encode, send } = require("./protocol.cjs");
const {
  PONG,
  homeFolder,
  kill,
  listen,
  moduleModule,
  node,
  process,
  shared,
  startFolder,
} = require("./references.cjs");
const { countResources } = require("./resources.cjs");
const { state } = require("./state.cjs");
const { replaceStdin } = require("./stdin.cjs");
const { replaceStreams } = require("./streams.cjs");
const { trackTimers } = require("./timers.cjs");
const { onIdle } = require("./waiting.cjs");

function serve() {
  connect();
  process.execArgv.length = 0;
  process.argv.length = 1;
  replaceStreams();
  replaceStdin();
  replaceExit();
  trackTimers();
  provideNames();
  moduleModule.syncBuiltinESMExports();
  process.setUncaughtExceptionCaptureCallback(onUncaught);
  listen("beforeExit", onIdle);
  listen("SIGINT", onSigint);
  send(encode(READY));

  state.control = startControl();
  state.control.unref();
  state.ownResources = countResources();
  state.control.ref();
  // Read here, as the control thread takes about as long to start as all of Node. It reads what comes after that.
  const { request, rest } = node.readFirst();
  const seq = request === null ? 0 : 1;
  state.control.postMessage({ seq, id: request?.id ?? null, rest });
  if (request !== null) begin(seq, request);
}

function startControl() {
  const control = node.startControl({ startFolder, homeFolder });
  control.on("message", (message) => {
    if (message.ping !== undefined) Atomics.store(shared, PONG, message.ping);
    else if (message.request !== undefined) begin(message.seq, message.request, message.stdin);
    else if (message.attach !== undefined) attach(message.attach);
    else if (message.typescript !== undefined) takeEraser(message.typescript);
    else if (message.told !== undefined) heardOfLook(message.told);
    else if (state.current === null || state.current.seq !== message.interrupt) return;
    else if (message.once) interrupt(state.current);
    else stop(state.current, message.forced);
  });
  control.on("exit", () => kill(process.pid, "SIGKILL"));
  return control;
}

serve();
