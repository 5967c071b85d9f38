// The programs of this guest: started, written to, read from, told when they have ended.

const { emit, listened, pause } = require("./answers.cjs");
const { inputPipe, pipe } = require("./pipes.cjs");
const { heldBytes, processes, state } = require("./state.cjs");
const { oomKills } = require("./sweep.cjs");
const { Socket, closeSync, osConstants, readSync, spawn, writeFileSync } = require("./system.cjs");

function start(id, argv, env, control, hasInput) {
  const kinds = control ? ["o", "e", "c"] : ["o", "e"];
  const pipes = kinds.map(pipe);
  const input = control || hasInput ? inputPipe() : null;
  const kills = oomKills();
  const child = spawn(argv[0], argv.slice(1), {
    stdio: [input?.theirs ?? "ignore", ...pipes.map(({ theirs }) => theirs)],
    env: { ...process.env, ...env },
    detached: true,
  });
  for (const { theirs } of input === null ? pipes : [...pipes, input]) closeSync(theirs);
  const stdin = input === null ? null : new Socket({ fd: input.ours, readable: false, writable: true });
  stdin?.on("error", () => {});
  const entry = { child, pid: child.pid, stdin, left: input?.left, outs: new Set(), kept: control, kills, told: true };
  processes.set(id, entry);
  for (const [index, kind] of kinds.entries()) {
    const socket = new Socket({ fd: pipes[index].ours, readable: true, writable: false });
    socket.kind = kind;
    entry.outs.add(socket);
    socket.on("data", (data) => receiveOutput(id, entry, socket, data));
    socket.on("error", () => {});
    socket.on("close", () => {
      entry.outs.delete(socket);
      forget(id, entry);
    });
    if (state.paused && kind !== "c") socket.pause();
  }
  child.on("error", (error) => {
    if (child.pid !== undefined) return;
    emit([
      "e",
      id,
      Buffer.from(`${argv[0]}: ${error.code === "ENOENT" ? "No such file or directory" : error.message}\n`),
    ]);
    ended(id, entry, 127, null);
  });
  child.on("exit", (code, signal) => whenQuiet(entry, () => ended(id, entry, code, signal)));
  try {
    // Should memory run out, these are to die and not the relay or the portal.
    if (child.pid !== undefined) writeFileSync(`/proc/${child.pid}/oom_score_adj`, "500");
  } catch {
    // It has ended already.
  }
}

function ended(id, entry, code, signal) {
  emit([
    "x",
    id,
    signal === null ? code : null,
    signal === null ? null : (osConstants.signals[signal] ?? 0),
    oomKills() > entry.kills,
    hasUnread(entry),
  ]);
  entry.told = false;
  // What children of it still write is read and dropped, so that they do not stop.
  for (const socket of entry.outs) socket.resume();
  forget(id, entry);
}

function write(id, text) {
  const entry = processes.get(id);
  if (entry?.told) {
    entry.stdin?.write(text);
    return;
  }
  // Whoever has written does not know yet that it has ended.
  for (const event of [...state.events, ...(state.page?.e ?? [])]) {
    if (event[0] === "x" && event[1] === id) event[5] = true;
  }
}

/** Whether a program has ended without reading all that was written to it: the last of that has had no effect. */
function hasUnread(entry) {
  if (entry.left === undefined) return false;
  try {
    return readSync(entry.left, Buffer.alloc(1)) > 0 || entry.stdin.writableLength > 0;
  } catch {
    // EAGAIN: the pipe is empty.
    return entry.stdin.writableLength > 0;
  }
}

function forget(id, entry) {
  if (!entry.told && entry.outs.size === 0) {
    entry.stdin?.destroy();
    if (entry.left !== undefined) closeSync(entry.left);
    processes.delete(id);
  }
}

/** Runs `then` once a whole round of the event loop has found nothing more to read from a program, so that all it wrote is here. */
function whenQuiet(entry, then) {
  state.quietRounds = 0;
  const look = () => {
    state.quietRounds += 1;
    const stopped = state.paused && [...entry.outs].some((socket) => socket.kind !== "c");
    if (!stopped && state.quietRounds > 1) then();
    else if (stopped) setTimeout(look, 1);
    else setImmediate(look);
  };
  setImmediate(look);
}

function sendSignal(id, number, group) {
  const entry = processes.get(id);
  if (entry === undefined || !entry.told || entry.pid === undefined) return;
  try {
    process.kill(group ? -entry.pid : entry.pid, number);
  } catch {
    // It has ended already.
  }
}

function keptProcesses() {
  const kept = [...processes.values()].filter((entry) => entry.kept && entry.told).map((entry) => entry.pid);
  return new Set([1, process.pid, process.ppid, ...kept]);
}

function receiveOutput(id, entry, socket, data) {
  state.quietRounds = 0;
  if (!entry.told && socket.kind !== "c") return;
  if (socket.kind === "c" || state.held < heldBytes || listened()) emit([socket.kind, id, data]);
  if (state.held >= heldBytes && listened()) pause(true);
}

module.exports = { keptProcesses, sendSignal, start, write };
