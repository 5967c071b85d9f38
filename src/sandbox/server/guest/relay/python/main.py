# The relay, in a guest with Python: starts programs when told to and carries their streams. Requests come as lines on stdin (through
# the portal's interpreter) and on the side FIFO (through a command); answers go to stdout, one a request of stdin.
# ../../../link.ts is the other end and describes the messages. Needs Python 3.8 and Linux; knows nothing of what it starts.

import os
import select
import signal

from .answers import answer, listened, pause
from .operations import receive
from .programs import flush
from .reading import read, reap, settle
from .state import CHUNK_BYTES, GATHER_S, LISTENER_S, PAGE_BYTES, folder, now, poller, processes, readers, state, writers
from .sweep import moment


def main():
    state.first_mark = moment()
    side = os.open(os.path.join(folder, "side"), os.O_RDWR | os.O_NONBLOCK)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    pending = {0: b"", side: b""}
    for fd in (0, side, wake_read):
        poller.register(fd, select.EPOLLIN)
    while True:
        timeout = -1.0
        if state.request is not None:
            due = state.held_since + GATHER_S if state.held else state.deadline
            timeout = max(0.0, min(due, state.deadline) - now())
        elif state.paused:
            timeout = max(0.05, state.last_heard + LISTENER_S - now())
        for fd, _ in poller.poll(timeout):
            if fd in readers:
                read(fd)
            elif fd in writers:
                flush(writers[fd], processes[writers[fd]])
            elif fd == wake_read:
                os.read(wake_read, 4096)
                reap()
            elif fd in pending:
                data = os.read(fd, CHUNK_BYTES)
                if fd == 0 and not data:
                    return
                first, *others = data.split(b"\n")
                pending[fd] += first
                for other in others:
                    line, pending[fd] = pending[fd], other
                    if line:
                        receive(line)
        if state.paused and not listened():
            pause(False)
        if state.request is not None:
            current = now()
            if state.urgent or state.held >= PAGE_BYTES or (state.held and current >= state.held_since + GATHER_S) or current >= state.deadline:
                if state.urgent:
                    settle()
                answer()


def rename():
    # Not "python3", so that a `pkill python3` of the user's does not take the sandbox along.
    try:
        with open("/proc/self/comm", "w") as file:
            file.write("sandbox-relay")
    except OSError:
        pass


rename()
try:
    main()
finally:
    for process in processes.values():
        if process.told:
            os.kill(process.pid, signal.SIGKILL)
