// The processes of a run, in a guest with Node: found in /proc, sent signals, ended by force. ../python/sweep.py is the same for Python.
// Whose a process is tell its ancestors, its session, and its soft limit of file locks: all inherit that, and no Linux since 2.4 heeds it.

const { readFileSync, readdirSync } = require("./system.cjs");

/** The run of all that the interpreter starts; those of commands are their programs' ids. */
const codeRun = 0;
/** All runs, and nobody's processes. */
const allRuns = -1;

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

/**
 * A scope is { run, mark, withStrays, roots, kept }: `roots` (Map) are the first processes of programs that are on, and their runs; `kept` (Set)
 * may not be ended. What is nobody's and has come since `mark` is the run's too, if `withStrays`; and of what the interpreter has started, only
 * what has come since is.
 */
function members(scope) {
  const table = look();
  const neutral = new Set(scope.kept).add(table.get(process.ppid)?.parent);
  const owners = new Map();
  const isMember = (pid) => {
    const isRecent = () => since(table, pid, scope.mark, neutral);
    if (scope.run === allRuns) return isRecent();
    const owner = ownerOf(pid, table, scope.roots, owners);
    if (owner === null) return scope.withStrays && isRecent();
    return owner === scope.run && (owner !== codeRun || isRecent());
  };
  return [...table.keys()].filter((pid) => !neutral.has(pid) && !"ZX".includes(table.get(pid).state) && isMember(pid));
}

function look() {
  const table = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
      const [parent, session, ticks] = [fields[1], fields[3], fields[19]].map(Number);
      table.set(Number(name), { state: fields[0], parent, session, ticks });
    } catch {
      // It has ended meanwhile.
    }
  }
  return table;
}

function ownerOf(pid, table, roots, owners) {
  let owner = null;
  const unmarked = [];
  let at = pid;
  while (owner === null && table.has(at) && !owners.has(at)) {
    owner = roots.get(at) ?? roots.get(table.get(at).session) ?? null;
    unmarked.push(at);
    at = table.get(at).parent;
  }
  owner ??= owners.get(at) ?? null;
  for (const candidate of unmarked) owner ??= marked(candidate);
  owners.set(pid, owner);
  return owner;
}

function marked(pid) {
  try {
    const [, run] = /^Max file locks +(\d+) /m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? [];
    return run === undefined ? null : Number(run);
  } catch {
    return null;
  }
}

function send(scope, signal) {
  for (const pid of members(scope)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Ends them by force; `scope.kept` gains those that may not be ended. */
function sweep(scope) {
  // A fork bomb takes several rounds, each a millisecond and a look at every process.
  for (let round = 0; round < 200; round += 1) {
    const victims = members(scope);
    if (victims.length === 0) return;
    for (const signal of ["SIGSTOP", "SIGKILL"]) {
      for (const pid of victims) {
        try {
          process.kill(pid, signal);
        } catch (error) {
          if (error.code === "EPERM") scope.kept.add(pid);
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

module.exports = { allRuns, codeRun, moment, oomKills, send, sweep };
