# The programs of this guest: started, written to, sent signals.

import os
import select
import signal

from .answers import emit
from .state import ORIGINS, Process, events, origins, poller, processes, readers, state, writers
from .sweep import CODE, Scope, mark_next, moment, oom_kills, send, sweep


def spawn(ident, argv, env, control, has_stdin, tool):
    fds = {}
    actions = []
    close = []
    if control or has_stdin:
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
    mark = moment()
    mark_next(CODE if control else ident)
    try:
        pid = os.posix_spawnp(
            argv[0], argv, whole, file_actions=actions, setsid=True, setsigmask=[], setsigdef=[signal.SIGPIPE, signal.SIGINT]
        )
    except OSError as error:
        for fd in close + list(fds.values()):
            os.close(fd)
        emit(["e", ident, ("%s: %s\n" % (argv[0], error.strerror)).encode()])
        emit(["x", ident, 127, None, False, True, False])
        return
    finally:
        mark_next(None)
    for fd in close:
        os.close(fd)
    try:
        # Should memory run out, these are to die and not the relay or the portal.
        with open("/proc/%d/oom_score_adj" % pid, "w") as file:
            file.write("500")
    except OSError:
        pass
    stdin = fds.pop("i", None)
    process = Process(pid, stdin, {fd: kind for kind, fd in fds.items()}, control, tool, kills)
    processes[ident] = process
    origins[ident] = (pid, mark)
    if len(origins) > ORIGINS:
        del origins[next(iter(origins))]
    for fd, kind in process.outs.items():
        readers[fd] = (kind, ident)
        poller.register(fd, select.EPOLLIN if kind == "c" or not state.paused else 0)


def write(ident, data, tell):
    process = processes.get(ident)
    if process is None or not process.told:
        # Whoever has written does not know yet that it has ended.
        for event in [*events, *(state.page["e"] if state.page else [])]:
            if event[0] == "x" and event[1] == ident:
                event[5] = True
        return
    if process.stdin is None or process.closing:
        if tell:
            emit(["w", ident])
        return
    process.unwritten += data
    process.asked += len(data)
    if tell:
        process.tell_at.append(process.asked)
    flush(ident, process)


def close_stdin(ident):
    process = processes.get(ident)
    if process is not None and process.told and process.stdin is not None:
        process.closing = True
        flush(ident, process)


def flush(ident, process):
    try:
        while process.unwritten:
            count = os.write(process.stdin, process.unwritten)
            process.unwritten = process.unwritten[count:]
            process.written += count
    except BlockingIOError:
        if process.stdin not in writers:
            writers[process.stdin] = ident
            poller.register(process.stdin, select.EPOLLOUT)
    except OSError:
        # It has ended, and what it has not read stays in the pipe; or it has closed its stdin.
        unwatch(process)
        process.written = process.asked
        if not process.interpreter:
            process.unwritten = b""
    else:
        unwatch(process)
        if process.closing:
            os.close(process.stdin)
            process.stdin = None
    while process.tell_at and process.tell_at[0] <= process.written:
        process.tell_at.popleft()
        emit(["w", ident])


def unwatch(process):
    if process.stdin in writers:
        del writers[process.stdin]
        poller.unregister(process.stdin)


def kill(ident):
    process = processes.get(ident)
    if process is not None and process.told:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except OSError:
            pass


# To all processes of a run; to the interpreter only what is not an interrupt.
def send_signal(run, number, with_strays):
    scope = scope_of(run, with_strays)
    if number == signal.SIGKILL:
        sweep(scope)
    else:
        send(scope, number)
    if run == CODE and number != signal.SIGINT:
        for process in processes.values():
            if process.interpreter and process.told:
                os.kill(process.pid, number)


def scope_of(run, with_strays):
    roots = {process.pid: CODE if process.interpreter else ident for ident, process in processes.items() if process.told}
    if run == CODE:
        return Scope(run, state.run_mark, with_strays, roots, kept_processes())
    # Its session is its own as long as anything of it is there.
    pid, mark = origins.get(run, (0, None))
    roots.setdefault(pid, run)
    return Scope(run, mark, with_strays and mark is not None, roots, kept_processes())


def kept_processes():
    kept = {process.pid for process in processes.values() if process.kept and process.told}
    return kept | {1, os.getpid(), os.getppid()}
