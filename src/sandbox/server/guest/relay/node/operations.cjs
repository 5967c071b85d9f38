// What a request asks for, carried out once each and in order.

const { reply, schedule, setOutputApart, tell } = require("./answers.cjs");
const { closeStdin, cut, keptProcesses, kill, scopeOf, sendSignal, start, write } = require("./programs.cjs");
const { firstMark, now, processes, state } = require("./state.cjs");
const { allRuns, moment, sweep } = require("./sweep.cjs");
const { inflateRawSync } = require("./system.cjs");

/** Operations that came beside, ahead of those of a request that is still on its way. */
const early = new Map();

function apply(ops) {
  for (const op of ops) if (op[0] > state.applied) early.set(op[0], op);
  while (early.has(state.applied + 1)) {
    state.applied += 1;
    const [, what, ...rest] = early.get(state.applied);
    early.delete(state.applied);
    if (what === "spawn") start(...rest);
    else if (what === "write") write(...rest);
    else if (what === "close") closeStdin(...rest);
    else if (what === "kill") kill(...rest);
    else if (what === "signal") sendSignal(...rest);
    else if (what === "cut") cut(...rest);
    else if (what === "mark") {
      state.runMark = moment();
      setOutputApart();
    } else if (what === "sweep") {
      sweep(scopeOf(...rest));
      tell();
    } else if (what === "end") {
      for (const entry of processes.values()) entry.kept = false;
      sweep({ run: allRuns, mark: firstMark, withStrays: true, roots: new Map(), kept: keptProcesses() });
      tell();
    }
  }
}

function receive(line) {
  state.lastHeard = now();
  // A long one is deflated.
  const bytes = line[0] === "~" ? inflateRawSync(Buffer.from(line.slice(1), "base64")) : Buffer.from(line, "base64");
  const message = JSON.parse(bytes.toString());
  if (message.n === undefined) {
    apply(message.o);
    if (message.o.length === 0) tell();
    return;
  }
  state.request = message;
  state.deadline = now() + message.w;
  apply(message.o);
  if (state.page !== null && message.k < state.page.p) {
    // The answer before has not arrived: its events again, and not those that came since.
    reply();
    return;
  }
  state.page = null;
  schedule();
}

module.exports = { receive };
