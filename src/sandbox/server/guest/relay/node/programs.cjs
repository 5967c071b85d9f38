// The programs of this guest: started, written to, read from, told when they have ended.

const { emit, listened, pause } = require("./answers.cjs");
const { inputPipe, pipe } = require("./pipes.cjs");
const { heldBytes, lingering, originLimit, origins, processes, state } = require("./state.cjs");
const { codeRun, moment, oomKills, send, sweep } = require("./sweep.cjs");
const { Socket, closeSync, osConstants, readSync, spawn, writeFileSync } = require("./system.cjs");

/** Marks what it becomes as a run's (sweep.cjs), which Node cannot; shells have two names for that limit. */
const marking = 'ulimit -Sw "$1" 2>/dev/null || ulimit -Sx "$1" 2>/dev/null; shift; exec "$@"';

function start(id, argv, env, control, hasStdin, tool) {
  const kinds = control ? ["o", "e", "c"] : ["o", "e"];
  const pipes = kinds.map(pipe);
  const input = control || hasStdin ? inputPipe() : null;
  const kills = oomKills();
  const mark = moment();
  const child = spawn("/bin/sh", ["-c", marking, "sh", `${control ? codeRun : id}`, ...argv], {
    stdio: [input?.theirs ?? "ignore", ...pipes.map(({ theirs }) => theirs)],
    env: { ...process.env, ...env },
    detached: true,
  });
  for (const { theirs } of input === null ? pipes : [...pipes, input]) closeSync(theirs);
  const stdin = input === null ? null : new Socket({ fd: input.ours, readable: false, writable: true });
  stdin?.on("error", () => {});
  const role = { interpreter: control, tool, kept: control || tool };
  const rest = { ...role, outs: new Set(), kills, told: true, lingers: false };
  const entry = { child, pid: child.pid, stdin, left: input?.left, ...rest };
  processes.set(id, entry);
  origins.set(id, { pid: child.pid, mark });
  if (origins.size > originLimit) origins.delete(origins.keys().next().value);
  for (const [index, kind] of kinds.entries()) {
    const socket = new Socket({ fd: pipes[index].ours, readable: true, writable: false });
    socket.kind = kind;
    entry.outs.add(socket);
    socket.on("data", (data) => receiveOutput(id, socket, data));
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
    entry.outs.size > 0,
  ]);
  entry.lingers = entry.outs.size > 0;
  entry.told = false;
  entry.stdin?.destroy();
  if (entry.left !== undefined) closeSync(entry.left);
  forget(id, entry);
  const left = [...processes].filter(([, { lingers }]) => lingers);
  for (const [oldest] of left.slice(0, -lingering)) cut(oldest);
}

function write(id, text, tell) {
  const entry = processes.get(id);
  if (entry?.told) {
    const taken = () => {
      if (tell) emit(["w", id]);
    };
    if (entry.stdin?.writable) entry.stdin.write(text, taken);
    else taken();
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
    processes.delete(id);
    if (entry.lingers) emit(["z", id]);
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

function closeStdin(id) {
  const entry = processes.get(id);
  if (entry?.told) entry.stdin?.end();
}

function kill(id) {
  const entry = processes.get(id);
  if (entry?.told && entry.pid !== undefined) signalOne(entry.pid, 9);
}

function signalOne(pid, number) {
  try {
    process.kill(pid, number);
  } catch {
    // It has ended already.
  }
}

/** To all processes of a run; to the interpreter only what is not an interrupt. */
function sendSignal(run, number, withStrays) {
  const scope = scopeOf(run, withStrays);
  if (number === osConstants.signals.SIGKILL) sweep(scope);
  else send(scope, number);
  if (run !== codeRun || number === osConstants.signals.SIGINT) return;
  for (const entry of processes.values()) {
    if (entry.interpreter && entry.told && entry.pid !== undefined) signalOne(entry.pid, number);
  }
}

function scopeOf(run, withStrays) {
  const roots = new Map();
  for (const [id, { pid, interpreter, told }] of processes) {
    if (told && pid !== undefined) roots.set(pid, interpreter ? codeRun : id);
  }
  if (run === codeRun) return { run, mark: state.runMark, withStrays, roots, kept: keptProcesses() };
  // Its session is its own as long as anything of it is there.
  const origin = origins.get(run);
  if (origin !== undefined && !roots.has(origin.pid)) roots.set(origin.pid, run);
  return { run, mark: origin?.mark, withStrays: withStrays && origin !== undefined, roots, kept: keptProcesses() };
}

/** Nobody reads any more what its processes write. */
function cut(id) {
  const entry = processes.get(id);
  if (entry?.told !== false) return;
  for (const socket of entry.outs) socket.destroy();
}

function keptProcesses() {
  const kept = [...processes.values()].filter((entry) => entry.kept && entry.told).map((entry) => entry.pid);
  return new Set([1, process.pid, process.ppid, ...kept]);
}

function receiveOutput(id, socket, data) {
  state.quietRounds = 0;
  const isKept = socket.kind === "c" || processes.get(id)?.tool;
  if (isKept || state.held < heldBytes || listened()) emit([socket.kind, id, data]);
  if (state.held >= heldBytes && listened()) pause(true);
}

module.exports = { closeStdin, cut, keptProcesses, kill, scopeOf, sendSignal, start, write };
