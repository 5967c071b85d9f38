# The processes of a run, in a guest with Python: found in /proc, sent signals, ended by force. ../node/sweep.cjs is the same for Node.
# Whose a process is tell its ancestors, its session, and its soft limit of file locks: all inherit that, and no Linux since 2.4 heeds it.

import os
import resource
import signal
import time

# Python has no name for this one.
FILE_LOCKS = 10
# The run of all that the interpreter starts; those of commands are their programs' ids.
CODE = 0
# All runs, and nobody's processes.
ALL = -1


# How many processes the kernel has ended for want of memory.
def oom_kills():
    try:
        with open("/proc/vmstat") as text:
            for line in text:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


# Clock ticks since boot and the last process id given: every process started from now on is later in one of them.
def moment():
    try:
        with open("/proc/uptime") as text:
            ticks = int(text.read().split()[0].replace(".", ""))
        with open("/proc/loadavg") as text:
            return ticks, int(text.read().split()[4])
    except (OSError, ValueError, IndexError):
        return 0, 0


class Scope:
    # `roots` are the first processes of programs that are on, and their runs; `kept` may not be ended. What is nobody's and has come since
    # `mark` is the run's too, if `with_strays`; and of what the interpreter has started, only what has come since is.
    def __init__(self, run, mark, with_strays, roots, kept):
        self.run = run
        self.mark = mark
        self.with_strays = with_strays
        self.roots = roots
        self.kept = kept

    def look(self):
        self.table = {}
        self.owners = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as text:
                        fields = text.read().rpartition(") ")[2].split()
                    self.table[int(name)] = (fields[0], int(fields[1]), (int(fields[19]), int(name)), int(fields[3]))
                except (OSError, IndexError, ValueError):
                    pass
        parent = self.table.get(os.getppid())
        self.neutral = self.kept | ({parent[1]} if parent else set())

    def members(self):
        self.look()
        return [pid for pid, found in self.table.items() if found[0] not in "ZX" and pid not in self.neutral and self.has(pid)]

    def has(self, pid):
        if self.run == ALL:
            return self.is_recent(pid)
        owner = self.owner(pid)
        if owner is None:
            return self.with_strays and self.is_recent(pid)
        return owner == self.run and (owner != CODE or self.is_recent(pid))

    def owner(self, pid):
        owner = None
        unmarked = []
        at = pid
        while owner is None and at in self.table and at not in self.owners:
            owner = self.roots.get(at, self.roots.get(self.table[at][3]))
            unmarked.append(at)
            at = self.table[at][1]
        if owner is None:
            owner = self.owners.get(at)
        for at in unmarked:
            if owner is None:
                owner = marked(at)
        self.owners[pid] = owner
        return owner

    # Whether the process and those that have started it are later than the mark.
    def is_recent(self, pid):
        while pid in self.table and pid not in self.neutral:
            _, parent, start, _ = self.table[pid]
            if not (start[0] > self.mark[0] or (start[0] == self.mark[0] and start[1] > self.mark[1])):
                return False
            pid = parent
        return True


def marked(pid):
    try:
        with open("/proc/%d/limits" % pid) as text:
            for line in text:
                if line.startswith("Max file locks"):
                    return int(line.split()[3])
    except (OSError, ValueError):
        # It has ended, or has no limit.
        pass
    return None


# What is started before the next call is marked as the run's.
def mark_next(run):
    try:
        _, hard = resource.getrlimit(FILE_LOCKS)
        resource.setrlimit(FILE_LOCKS, (hard if run is None else run, hard))
    except (OSError, ValueError):
        # Some limit this already: what detaches itself is nobody's.
        pass


def send(scope, number):
    for pid in scope.members():
        try:
            os.kill(pid, number)
        except OSError:
            pass


# Ends them by force; `scope.kept` gains those that may not be ended.
def sweep(scope):
    # A fork bomb takes several rounds, each a millisecond and a look at every process.
    for _ in range(200):
        victims = scope.members()
        if not victims:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in victims:
                try:
                    os.kill(pid, number)
                except PermissionError:
                    scope.kept.add(pid)
                except OSError:
                    pass
        time.sleep(0.001)
