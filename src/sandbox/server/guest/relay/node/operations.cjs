// What a request asks for, carried out once each and in order.

const { dropOutput, reply, schedule, tell } = require("./answers.cjs");
const { keptProcesses, sendSignal, start, write } = require("./programs.cjs");
const { firstMark, now, processes, state } = require("./state.cjs");
const { sweep, terminate } = require("./sweep.cjs");

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
    else if (what === "signal") sendSignal(...rest);
    else if (what === "mark") {
      state.runMark = state.idleMark;
      dropOutput();
    } else if (what === "terminate") terminate(state.runMark, keptProcesses());
    else if (what === "sweep") {
      sweep(state.runMark, keptProcesses());
      tell();
    } else if (what === "end") {
      for (const entry of processes.values()) entry.kept = false;
      sweep(firstMark, keptProcesses());
      tell();
    }
  }
}

function receive(line) {
  state.lastHeard = now();
  const message = JSON.parse(Buffer.from(line, "base64").toString());
  if (message.n === undefined) {
    apply(message.o);
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
