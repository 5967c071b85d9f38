// What a run has started and is not done: Node's own list, and the timers.

const { AsyncResource, activeResources, inspect, isPromise } = require("./references.cjs");
const { state } = require("./state.cjs");
const { hasStdinHandle, isReadingStdin } = require("./stdin.cjs");

// How long a run waits for sockets, child processes and workers that it has left open: they may be meant to stay.
const LINGER_MS = 5000;
const OWN_SERVER_LINGER_MS = 100;

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
  if (hasStdinHandle()) counts.set("PipeWrap", -1);
  for (let at = 0; at < types.length; at += 1) counts.set(types[at], (counts.get(types[at]) ?? 0) + 1);
  return counts;
}

function isNothingStaying(counts) {
  for (const [type, count] of counts) {
    if (type !== "Immediate" && count > (state.ownResources.get(type) ?? 0)) return false;
  }
  return true;
}

function hasWork(run, counts) {
  for (const timer of run.timers) {
    if (!timer._destroyed && timer.hasRef() && typeof timer._repeat !== "number") return true;
  }
  if (isReadingStdin()) return true;
  if (run.awaitedDisplays > 0 && Date.now() - run.settledAt < LINGER_MS) return true;
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

function lastAsyncId() {
  return new AsyncResource("sandbox").asyncId();
}

function isPending(value) {
  return isPromise(value) && inspect(value, { depth: 0 }).includes("<pending>");
}

module.exports = { LINGER_MS, countResources, hasWork, isNothingStaying, isPending, lastAsyncId };
