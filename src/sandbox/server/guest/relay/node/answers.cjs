// What programs have printed and how they ended, on its way to whoever asks.

const { carriers, gatherMs, heldBytes, listenerMs, now, outputs, pageBytes, processes, state } = require("./state.cjs");
const { writeSync } = require("./system.cjs");

/** Somebody waits to hear that an operation has been carried out. */
function tell() {
  state.urgent = true;
  schedule();
}

function emit(event) {
  if (state.events.length === 0) state.heldSince = now();
  const [kind, id, data] = event;
  if (outputs.includes(kind)) state.held += data.length;
  else state.urgent = true;
  const last = state.events.at(-1);
  if (!carriers.includes(kind)) state.events.push(event);
  else if (last !== undefined && last[0] === kind && last[1] === id) last[3].push(data);
  else state.events.push([kind, id, null, [data]]);
  schedule();
}

/** What the interpreter's processes have printed before a run of code is none of its own. */
function setOutputApart() {
  for (const event of state.events) {
    if ("oe".includes(event[0]) && processes.get(event[1])?.interpreter) event[0] = event[0].toUpperCase();
  }
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
      if (state.paused) socket.pause();
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
    if (!carriers.includes(event[0])) {
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
  state.urgent = state.events.some(([kind]) => !outputs.includes(kind));
  state.heldSince = now();
  state.pageNumber += 1;
  state.page = { p: state.pageNumber, e: taken };
  reply();
  if (state.held < heldBytes) pause(false);
}

function reply() {
  const line = Buffer.from(`${state.request.n}${JSON.stringify({ ...state.page, a: state.applied })}\n`);
  state.request = null;
  if (state.timer !== null) clearTimeout(state.timer);
  state.timer = null;
  // The reader waits for nothing else, so this ends.
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}

module.exports = { emit, listened, pause, reply, schedule, setOutputApart, tell };
