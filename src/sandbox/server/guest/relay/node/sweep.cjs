// The processes of a run, in a guest with Node: found in /proc, asked to end, ended by force. ../python/sweep.py is the same for Python.

const { readFileSync, readdirSync } = require("./system.cjs");

const nap = new Int32Array(new SharedArrayBuffer(4));

/** How many processes the kernel has ended for want of memory. */
function oomKills() {
  try {
    return Number(/^oom_kill (\d+)/m.exec(readFileSync("/proc/vmstat", "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Clock ticks since boot and the last process id given: every process started from now on is later in one of them. */
function moment() {
  try {
    const ticks = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0].replace(".", ""));
    return [ticks, Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ")[4])];
  } catch {
    return [0, 0];
  }
}

/** What the run has started: everything later than its mark, but for what a process of an earlier run started and the kept. */
function startedSince(mark, kept) {
  const table = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
      table.set(Number(name), { state: fields[0], parent: Number(fields[1]), ticks: Number(fields[19]) });
    } catch {
      // It has ended meanwhile.
    }
  }
  const neutral = new Set(kept).add(table.get(process.ppid)?.parent);
  return [...table.keys()].filter(
    (pid) => !neutral.has(pid) && !"ZX".includes(table.get(pid).state) && since(table, pid, mark, neutral),
  );
}

/** Asks them to end. */
function terminate(mark, kept) {
  for (const pid of startedSince(mark, kept)) {
    try {
      process.kill(pid, "SIGTERM");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Ends them by force; `kept` gains those that may not be ended. */
function sweep(mark, kept) {
  // A fork bomb takes several rounds, each a millisecond and a look at every process.
  for (let round = 0; round < 200; round += 1) {
    const victims = startedSince(mark, kept);
    if (victims.length === 0) return;
    for (const signal of ["SIGSTOP", "SIGKILL"]) {
      for (const pid of victims) {
        try {
          process.kill(pid, signal);
        } catch (error) {
          if (error.code === "EPERM") kept.add(pid);
        }
      }
    }
    Atomics.wait(nap, 0, 0, 1);
  }
}

function since(table, pid, mark, neutral) {
  for (let at = pid; table.has(at) && !neutral.has(at); at = table.get(at).parent) {
    const { ticks } = table.get(at);
    if (!(ticks > mark[0] || (ticks === mark[0] && at > mark[1]))) return false;
  }
  return true;
}

module.exports = { moment, oomKills, sweep, terminate };
