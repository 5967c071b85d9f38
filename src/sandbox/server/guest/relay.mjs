// The relay, in a guest with Node: starts programs when told to and carries their streams. Requests come as lines on stdin (through
// the portal's interpreter) and on the side FIFO (through a command); answers go to stdout, one a request of stdin.
// ../link.ts is the other end and describes the messages. Needs Node 18 and Linux; knows nothing of what it starts.

import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, readSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { constants as osConstants } from "node:os";
import { moment, oomKills, sweep, terminate } from "./sweep.mjs";

/** Bounds the output of programs that waits to be fetched, in bytes; beyond it they wait in their writes. */
const heldBytes = 1 << 20;
/** Bounds one answer, in bytes of output before its encoding. */
const pageBytes = 512 << 10;
/** How long output waits for more of it before it is sent: progress is live, but not a request a line. */
const gatherMs = 20;
/** Without a request for so long nobody listens, and output beyond heldBytes is thrown away instead of stopping its program. */
const listenerMs = 10_000;
/** FIFOs that are made at a time: making them costs a process. */
const fifoBatch = 12;

const folder = process.argv[2];
const now = () => performance.now();

/** id → { child, pid, stdin, left (reads what is unread of stdin), outs, kept (no sweep ends it), kills, told (its end is not yet) } */
const processes = new Map();
const fifos = [];
let fifoCount = 0;

let events = [];
let held = 0;
let heldSince = 0;
let urgent = false;
let paused = false;
/** Rounds of the event loop since anything was read, to know that pipes are empty. */
let quietRounds = 0;

let request = null;
let deadline = 0;
let timer = null;
let lastHeard = now();
let applied = 0;
let pageNumber = 0;
let page = null;

const firstMark = moment();
let idleMark = firstMark;
let runMark = firstMark;

/** Real pipes, which Node cannot make: `/dev/stdout` can be opened on them and not on the sockets of its own pipes. */
function pipe() {
  const name = fifo();
  const ours = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const theirs = openSync(name, constants.O_WRONLY);
  unlinkSync(name);
  return { ours, theirs };
}

function fifo() {
  if (fifos.length === 0) {
    const names = Array.from({ length: fifoBatch }, () => `${folder}/p${fifoCount++}`);
    execFileSync("mkfifo", names);
    fifos.push(...names);
  }
  return fifos.pop();
}

/** As `pipe`, in the other direction; `left` reads, without waiting, what the program has not. */
function inputPipe() {
  const name = fifo();
  const left = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const ours = openSync(name, constants.O_WRONLY | constants.O_NONBLOCK);
  const theirs = openSync(name, constants.O_RDONLY);
  unlinkSync(name);
  return { ours, theirs, left };
}

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
    if (paused && kind !== "c") socket.pause();
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
  for (const event of [...events, ...(page?.e ?? [])]) {
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
  quietRounds = 0;
  const look = () => {
    quietRounds += 1;
    const stopped = paused && [...entry.outs].some((socket) => socket.kind !== "c");
    if (!stopped && quietRounds > 1) then();
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

/** Operations that came beside, ahead of those of a request that is still on its way. */
const early = new Map();

function apply(ops) {
  for (const op of ops) if (op[0] > applied) early.set(op[0], op);
  while (early.has(applied + 1)) {
    applied += 1;
    const [, what, ...rest] = early.get(applied);
    early.delete(applied);
    if (what === "spawn") start(...rest);
    else if (what === "write") write(...rest);
    else if (what === "signal") sendSignal(...rest);
    else if (what === "mark") {
      runMark = idleMark;
      dropOutput();
    } else if (what === "terminate") terminate(runMark, keptProcesses());
    else if (what === "sweep") {
      sweep(runMark, keptProcesses());
      tell();
    } else if (what === "end") {
      for (const entry of processes.values()) entry.kept = false;
      sweep(firstMark, keptProcesses());
      tell();
    }
  }
}

/** Somebody waits to hear that an operation has been carried out. */
function tell() {
  urgent = true;
  schedule();
}

function emit(event) {
  if (events.length === 0) heldSince = now();
  const [kind, id, data] = event;
  if (kind === "x" || kind === "c") urgent = true;
  else held += data.length;
  const last = events.at(-1);
  if (kind !== "x" && last !== undefined && last[0] === kind && last[1] === id) last[3].push(data);
  else events.push(kind === "x" ? event : [kind, id, null, [data]]);
  schedule();
}

/** What was printed before a run began is nobody's. */
function dropOutput() {
  events = events.filter(([kind]) => kind === "x" || kind === "c");
  held = 0;
  pause(false);
}

function receiveOutput(id, entry, socket, data) {
  quietRounds = 0;
  if (!entry.told && socket.kind !== "c") return;
  if (socket.kind === "c" || held < heldBytes || listened()) emit([socket.kind, id, data]);
  if (held >= heldBytes && listened()) pause(true);
}

function listened() {
  return request !== null || now() - lastHeard < listenerMs;
}

function pause(nowPaused) {
  if (nowPaused === paused) return;
  paused = nowPaused;
  for (const entry of processes.values()) {
    for (const socket of entry.outs) {
      if (socket.kind === "c") continue;
      if (paused && entry.told) socket.pause();
      else socket.resume();
    }
  }
  if (paused) {
    setTimeout(function unstop() {
      if (!paused) return;
      if (listened()) setTimeout(unstop, 1000).unref();
      else pause(false);
    }, 1000).unref();
  }
}

/** Answers the open request now, later or when something comes. */
function schedule() {
  if (request === null) return;
  if (timer !== null) clearTimeout(timer);
  timer = null;
  const current = now();
  if (urgent) {
    // What the program printed before it spoke on its control descriptor belongs into the same answer.
    const open = request;
    quietRounds = 0;
    const look = () => {
      quietRounds += 1;
      if (request !== open) return;
      if (quietRounds > 1 || held >= heldBytes) answer();
      else setImmediate(look);
    };
    if (open.looking !== true) {
      open.looking = true;
      setImmediate(look);
    }
  } else if (held >= pageBytes || current >= deadline || (held > 0 && current >= heldSince + gatherMs)) {
    answer();
  } else {
    const due = held > 0 ? Math.min(heldSince + gatherMs, deadline) : deadline;
    timer = setTimeout(schedule, Math.max(1, Math.ceil(due - current)));
  }
}

function answer() {
  const taken = [];
  let size = 0;
  while (events.length > 0 && size < pageBytes) {
    const event = events.shift();
    if (event[0] === "x") {
      taken.push(event);
      continue;
    }
    const data = Buffer.concat(event[3]);
    const part = data.subarray(0, pageBytes - size);
    if (part.length < data.length) events.unshift([event[0], event[1], null, [data.subarray(part.length)]]);
    size += part.length;
    if (event[0] !== "c") held -= part.length;
    taken.push([event[0], event[1], part.toString("base64")]);
  }
  urgent = events.some(([kind]) => kind === "x" || kind === "c");
  heldSince = now();
  pageNumber += 1;
  page = { p: pageNumber, e: taken };
  reply();
  if (held < heldBytes) pause(false);
  idleMark = moment();
}

function reply() {
  const line = Buffer.from(`${request.n}${JSON.stringify({ ...page, a: applied })}\n`);
  request = null;
  if (timer !== null) clearTimeout(timer);
  timer = null;
  // The reader waits for nothing else, so this ends.
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}

function receive(line) {
  lastHeard = now();
  const message = JSON.parse(Buffer.from(line, "base64").toString());
  if (message.n === undefined) {
    apply(message.o);
    return;
  }
  request = message;
  deadline = now() + message.w;
  apply(message.o);
  if (page !== null && message.k < page.p) {
    // The answer before has not arrived: its events again, and not those that came since.
    reply();
    return;
  }
  page = null;
  schedule();
}

function readLines(socket, onEnd) {
  let parts = [];
  socket.on("data", (data) => {
    let from = 0;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      parts.push(data.subarray(from, at));
      const line = Buffer.concat(parts).toString("latin1");
      parts = [];
      from = at + 1;
      if (line !== "") receive(line);
    }
    if (from < data.length) parts.push(data.subarray(from));
  });
  socket.on("end", onEnd);
}

function end() {
  for (const entry of processes.values()) {
    if (entry.told) entry.child.kill("SIGKILL");
  }
  process.exit(0);
}

try {
  // Not "node", so that a `pkill node` of the user's does not take the sandbox along.
  writeFileSync("/proc/self/comm", "sandbox-relay");
} catch {
  // Its name is then "node".
}
process.on("SIGINT", () => {});
readLines(new Socket({ fd: 0, readable: true, writable: false }), end);
readLines(
  new Socket({
    fd: openSync(`${folder}/side`, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  }),
  end,
);
