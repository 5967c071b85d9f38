# The programs of this guest: started, written to, sent signals.

import os
import select
import signal

from .answers import emit
from .state import Process, events, poller, processes, readers, state, writers
from .sweep import oom_kills


def spawn(ident, argv, env, control, has_input):
    fds = {}
    actions = []
    close = []
    if control or has_input:
        theirs, fds["i"] = os.pipe()
        os.set_blocking(fds["i"], False)
    else:
        theirs = os.open("/dev/null", os.O_RDONLY)
    actions.append((os.POSIX_SPAWN_DUP2, theirs, 0))
    close.append(theirs)
    for kind, number in (("o", 1), ("e", 2), ("c", 3)):
        if number < 3 or control:
            fds[kind], theirs = os.pipe()
            os.set_blocking(fds[kind], False)
            actions.append((os.POSIX_SPAWN_DUP2, theirs, number))
            close.append(theirs)
    whole = dict(os.environ)
    whole.update(env)
    kills = oom_kills()
    try:
        pid = os.posix_spawnp(
            argv[0], argv, whole, file_actions=actions, setsid=True, setsigmask=[], setsigdef=[signal.SIGPIPE, signal.SIGINT]
        )
    except OSError as error:
        for fd in close + list(fds.values()):
            os.close(fd)
        emit(["e", ident, ("%s: %s\n" % (argv[0], error.strerror)).encode()])
        emit(["x", ident, 127, None, False, True])
        return
    for fd in close:
        os.close(fd)
    try:
        # Should memory run out, these are to die and not the relay or the portal.
        with open("/proc/%d/oom_score_adj" % pid, "w") as file:
            file.write("500")
    except OSError:
        pass
    stdin = fds.pop("i", None)
    process = Process(pid, stdin, {fd: kind for kind, fd in fds.items()}, control, kills)
    processes[ident] = process
    for fd, kind in process.outs.items():
        readers[fd] = (kind, ident)
        poller.register(fd, select.EPOLLIN if kind == "c" or not state.paused else 0)


def write(ident, data):
    process = processes.get(ident)
    if process is None or not process.told:
        # Whoever has written does not know yet that it has ended.
        for event in [*events, *(state.page["e"] if state.page else [])]:
            if event[0] == "x" and event[1] == ident:
                event[5] = True
        return
    if process.stdin is None:
        return
    process.unwritten += data
    flush(ident, process)


def flush(ident, process):
    try:
        while process.unwritten:
            count = os.write(process.stdin, process.unwritten)
            process.unwritten = process.unwritten[count:]
    except BlockingIOError:
        if process.stdin not in writers:
            writers[process.stdin] = ident
            poller.register(process.stdin, select.EPOLLOUT)
        return
    except OSError:
        # It has ended; what it has not read stays in the pipe.
        pass
    if process.stdin in writers:
        del writers[process.stdin]
        poller.unregister(process.stdin)


def send_signal(ident, number, group):
    process = processes.get(ident)
    if process is None or not process.told:
        return
    try:
        os.kill(-process.pid if group else process.pid, number)
    except OSError:
        pass


def kept_processes():
    kept = {process.pid for process in processes.values() if process.kept and process.told}
    return kept | {1, os.getpid(), os.getppid()}
