# What programs print, and how they end.

import array
import fcntl
import os
import termios

from .answers import emit, listened, pause
from .programs import unwatch
from .state import CHUNK_BYTES, HELD_BYTES, LINGERING, poller, processes, readers, state
from .sweep import oom_kills


def read(fd):
    kind, ident = readers[fd]
    try:
        data = os.read(fd, CHUNK_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        data = b""
    if not data:
        close_out(fd)
        return True
    if kind == "c" or processes[ident].tool or state.held < HELD_BYTES or listened():
        emit([kind, ident, data])
    if state.held >= HELD_BYTES and listened():
        pause(True)
    return True


def close_out(fd):
    _, ident = readers.pop(fd)
    poller.unregister(fd)
    os.close(fd)
    process = processes[ident]
    del process.outs[fd]
    forget(ident, process)


def forget(ident, process):
    if not process.told and not process.outs:
        del processes[ident]
        if process.lingers:
            emit(["z", ident])


# Nobody reads any more what its processes write.
def cut(ident):
    process = processes.get(ident)
    if process is not None and not process.told:
        for fd in list(process.outs):
            close_out(fd)


# Whether a program has ended without reading all that was written to it: the last of that has had no effect.
def has_unread(process):
    if process.stdin is None:
        return False
    count = array.array("i", [0])
    fcntl.ioctl(process.stdin, termios.FIONREAD, count)
    return count[0] > 0 or len(process.unwritten) > 0


def reap():
    for ident, process in list(processes.items()):
        if not process.told:
            continue
        try:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            pid, status = process.pid, 0
        if pid == 0:
            continue
        # All that it has written is read before its end is told.
        for fd in list(process.outs):
            # No more than a pipe can hold: children of the program may go on writing.
            for _ in range(HELD_BYTES // CHUNK_BYTES):
                if fd not in readers or not read(fd):
                    break
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = None if killed else os.WEXITSTATUS(status)
        process.lingers = len(process.outs) > 0
        emit(["x", ident, code, killed, oom_kills() > process.kills, has_unread(process), process.lingers])
        process.told = False
        if process.stdin is not None:
            unwatch(process)
            os.close(process.stdin)
            process.stdin = None
        forget(ident, process)
    for ident in [ident for ident, process in processes.items() if process.lingers][:-LINGERING]:
        cut(ident)


def settle():
    # What the program printed before it spoke on its control descriptor belongs into the same answer.
    more = True
    while more and state.held < HELD_BYTES:
        more = False
        for fd, _ in poller.poll(0):
            if fd in readers and readers[fd][0] != "c":
                more = read(fd) or more
