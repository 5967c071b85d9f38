# The processes of a run, in a guest with Python: found in /proc, asked to end, ended by force. ../node/sweep.cjs is the same for Node.

import os
import signal

import os
import signal
import time


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


# What the run has started: everything later than its mark, but for what a process of an earlier run started and the kept.
def started_since(mark, kept):
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as text:
                    fields = text.read().rpartition(") ")[2].split()
                table[int(name)] = (fields[0], int(fields[1]), (int(fields[19]), int(name)))
            except (OSError, IndexError, ValueError):
                pass
    parent = table.get(os.getppid())
    neutral = kept | ({parent[1]} if parent else set())
    return [pid for pid in table if pid not in neutral and table[pid][0] not in "ZX" and since(table, pid, mark, neutral)]


# Asks them to end.
def terminate(mark, kept):
    for pid in started_since(mark, kept):
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            pass


# Ends them by force; `kept` gains those that may not be ended.
def sweep(mark, kept):
    # A fork bomb takes several rounds, each a millisecond and a look at every process.
    for _ in range(200):
        victims = started_since(mark, kept)
        if not victims:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in victims:
                try:
                    os.kill(pid, number)
                except PermissionError:
                    kept.add(pid)
                except OSError:
                    pass
        time.sleep(0.001)


def since(table, pid, mark, neutral):
    while pid in table and pid not in neutral:
        _, parent, start = table[pid]
        if not (start[0] > mark[0] or (start[0] == mark[0] and start[1] > mark[1])):
            return False
        pid = parent
    return True
