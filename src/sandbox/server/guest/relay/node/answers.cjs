// What programs have printed and how they ended, on its way to whoever asks.

const { gatherMs, heldBytes, listenerMs, now, pageBytes, processes, state } = require("./state.cjs");
const { moment } = require("./sweep.cjs");
const { writeSync } = require("./system.cjs");

/** Somebody waits to hear that an operation has been carried out. */
function tell() {
  state.urgent = true;
  schedule();
}

function emit(event) {
  if (state.events.length === 0) state.heldSince = now();
  const [kind, id, data] = event;
  if (kind === "x" || kind === "c") state.urgent = true;
  else state.held += data.length;
  const last = state.events.at(-1);
  if (kind !== "x" && last !== undefined && last[0] === kind && last[1] === id) last[3].push(data);
  else state.events.push(kind === "x" ? event : [kind, id, null, [data]]);
  schedule();
}

/** What was printed before a run began is nobody's. */
function dropOutput() {
  state.events = state.events.filter(([kind]) => kind === "x" || kind === "c");
  state.held = 0;
  pause(false);
}

function listened() {
  return state.request !== null || now() - state.lastHeard < listenerMs;
}

function pause(nowPaused) {
  if (nowPaused === state.paused) return;
  state.paused = nowPaused;
  for (const entry of processes.values()) {
    for (const socket of entry.outs) {
      if (socket.kind === "c") continue;
      if (state.paused && entry.told) socket.pause();
      else socket.resume();
    }
  }
  if (state.paused) {
    setTimeout(function unstop() {
      if (!state.paused) return;
      if (listened()) setTimeout(unstop, 1000).unref();
      else pause(false);
    }, 1000).unref();
  }
}

/** Answers the open request now, later or when something comes. */
function schedule() {
  if (state.request === null) return;
  if (state.timer !== null) clearTimeout(state.timer);
  state.timer = null;
  const current = now();
  if (state.urgent) {
    // What the program printed before it spoke on its control descriptor belongs into the same answer.
    const open = state.request;
    state.quietRounds = 0;
    const look = () => {
      state.quietRounds += 1;
      if (state.request !== open) return;
      if (state.quietRounds > 1 || state.held >= heldBytes) answer();
      else setImmediate(look);
    };
    if (open.looking !== true) {
      open.looking = true;
      setImmediate(look);
    }
  } else if (
    state.held >= pageBytes ||
    current >= state.deadline ||
    (state.held > 0 && current >= state.heldSince + gatherMs)
  ) {
    answer();
  } else {
    const due = state.held > 0 ? Math.min(state.heldSince + gatherMs, state.deadline) : state.deadline;
    state.timer = setTimeout(schedule, Math.max(1, Math.ceil(due - current)));
  }
}

function answer() {
  const taken = [];
  let size = 0;
  while (state.events.length > 0 && size < pageBytes) {
    const event = state.events.shift();
    if (event[0] === "x") {
      taken.push(event);
      continue;
    }
    const data = Buffer.concat(event[3]);
    const part = data.subarray(0, pageBytes - size);
    if (part.length < data.length) state.events.unshift([event[0], event[1], null, [data.subarray(part.length)]]);
    size += part.length;
    if (event[0] !== "c") state.held -= part.length;
    taken.push([event[0], event[1], part.toString("base64")]);
  }
  state.urgent = state.events.some(([kind]) => kind === "x" || kind === "c");
  state.heldSince = now();
  state.pageNumber += 1;
  state.page = { p: state.pageNumber, e: taken };
  reply();
  if (state.held < heldBytes) pause(false);
  state.idleMark = moment();
}

function reply() {
  const line = Buffer.from(`${state.request.n}${JSON.stringify({ ...state.page, a: state.applied })}\n`);
  state.request = null;
  if (state.timer !== null) clearTimeout(state.timer);
  state.timer = null;
  // The reader waits for nothing else, so this ends.
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}

module.exports = { dropOutput, emit, listened, pause, reply, schedule, tell };
