# The relay, in a guest with Python: starts programs when told to and carries their streams. Requests come as lines on stdin (through
# the portal's interpreter) and on the side FIFO (through a command); answers go to stdout, one a request of stdin.
# ../link.ts is the other end and describes the messages. Needs Python 3.8 and Linux; knows nothing of what it starts.

import array
import base64
import collections
import fcntl
import json
import os
import select
import signal
import sys
import termios
import time

from sweep import moment, oom_kills, sweep, terminate

# Bounds the output of programs that waits to be fetched, in bytes; beyond it they wait in their writes.
HELD_BYTES = 1 << 20
# Bounds one answer, in bytes of output before its encoding.
PAGE_BYTES = 512 << 10
CHUNK_BYTES = 64 << 10
# How long output waits for more of it before it is sent, in seconds: progress is live, but not a request a line.
GATHER_S = 0.02
# Without a request for so long nobody listens, and output beyond HELD_BYTES is thrown away instead of stopping its program.
LISTENER_S = 10.0

now = time.monotonic
folder = sys.argv[1]


class Process:
    def __init__(self, pid, stdin, outs, kept, kills):
        self.pid = pid
        self.stdin = stdin
        self.unwritten = b""
        self.outs = outs
        # Stays when a run's processes are ended: the interpreter.
        self.kept = kept
        self.kills = kills
        self.told = True


processes = {}
readers = {}
writers = {}
poller = select.epoll()

events = collections.deque()
held = 0
held_since = 0.0
urgent = False
paused = False

request = None
deadline = 0.0
last_heard = now()
applied = 0
page_number = 0
page = None
first_mark = idle_mark = run_mark = (0, 0)


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
        poller.register(fd, select.EPOLLIN if kind == "c" or not paused else 0)


def write(ident, data):
    process = processes.get(ident)
    if process is None or not process.told:
        # Whoever has written does not know yet that it has ended.
        for event in [*events, *(page["e"] if page else [])]:
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


# Operations that came beside, ahead of those of a request that is still on its way.
early = {}


def apply(ops):
    global applied, run_mark, urgent
    for op in ops:
        if op[0] > applied:
            early[op[0]] = op
    while applied + 1 in early:
        applied += 1
        op = early.pop(applied)
        what = op[1]
        if what == "spawn":
            spawn(op[2], op[3], op[4], op[5], op[6])
        elif what == "write":
            write(op[2], op[3].encode("utf-8", "surrogatepass"))
        elif what == "signal":
            send_signal(op[2], op[3], op[4])
        elif what == "mark":
            run_mark = idle_mark
            drop_output()
        elif what == "terminate":
            terminate(run_mark, kept_processes())
        elif what == "sweep":
            sweep(run_mark, kept_processes())
            urgent = True
        elif what == "end":
            for process in processes.values():
                process.kept = False
            sweep(first_mark, kept_processes())
            urgent = True


def emit(event):
    global held, held_since, urgent
    if not held and not events:
        held_since = now()
    kind = event[0]
    if kind == "x" or kind == "c":
        urgent = True
    else:
        held += len(event[2])
        if events and events[-1][0] == kind and events[-1][1] == event[1] and len(events[-1][2]) < CHUNK_BYTES:
            events[-1][2] += event[2]
            return
    events.append(event)


# What was printed before a run began is nobody's.
def drop_output():
    global held
    left = [event for event in events if event[0] in "xc"]
    events.clear()
    events.extend(left)
    held = 0
    pause(False)


def pause(now_paused):
    global paused
    if now_paused != paused:
        paused = now_paused
        for fd, (kind, _) in readers.items():
            if kind != "c":
                poller.modify(fd, 0 if paused else select.EPOLLIN)


def read(fd):
    kind, ident = readers[fd]
    try:
        data = os.read(fd, CHUNK_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        data = b""
    if not data:
        poller.unregister(fd)
        os.close(fd)
        del readers[fd]
        process = processes[ident]
        del process.outs[fd]
        forget(ident, process)
        return True
    process = processes[ident]
    if process.told or kind == "c":
        # A program whose end has been told may leave children that still write; nobody asks for that.
        if kind == "c" or held < HELD_BYTES or listened():
            emit([kind, ident, data])
        if held >= HELD_BYTES and listened():
            pause(True)
    return True


def listened():
    return request is not None or now() - last_heard < LISTENER_S


def forget(ident, process):
    if not process.told and not process.outs:
        if process.stdin is not None:
            if process.stdin in writers:
                del writers[process.stdin]
                poller.unregister(process.stdin)
            os.close(process.stdin)
        del processes[ident]


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
        emit(["x", ident, code, killed, oom_kills() > process.kills, has_unread(process)])
        process.told = False
        process.unwritten = b""
        forget(ident, process)


def settle():
    # What the program printed before it spoke on its control descriptor belongs into the same answer.
    more = True
    while more and held < HELD_BYTES:
        more = False
        for fd, _ in poller.poll(0):
            if fd in readers and readers[fd][0] != "c":
                more = read(fd) or more


def answer():
    global page, page_number, request, held, urgent, held_since, idle_mark
    if urgent:
        settle()
    taken = []
    size = 0
    while events and size < PAGE_BYTES:
        event = events.popleft()
        if event[0] != "x":
            size += len(event[2])
            if event[0] != "c":
                held -= len(event[2])
            event = [event[0], event[1], base64.b64encode(event[2]).decode()]
        taken.append(event)
    urgent = any(event[0] in "xc" for event in events)
    held_since = now()
    page_number += 1
    page = {"p": page_number, "e": taken}
    reply()
    if held < HELD_BYTES:
        pause(False)
    idle_mark = moment()


def reply():
    global request
    page["a"] = applied
    line = (request["n"] + json.dumps(page, separators=(",", ":")) + "\n").encode()
    request = None
    while line:
        line = line[os.write(1, line) :]


def receive(line):
    global request, deadline, last_heard, page
    last_heard = now()
    message = json.loads(base64.b64decode(line))
    if "n" not in message:
        apply(message["o"])
        return
    request = message
    deadline = now() + message["w"] / 1000
    apply(message["o"])
    if page is not None and message["k"] < page["p"]:
        # The answer before has not arrived: its events again, and not those that came since.
        reply()
    else:
        page = None


def main():
    global first_mark, idle_mark
    first_mark = idle_mark = moment()
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
        if request is not None:
            due = held_since + GATHER_S if held else deadline
            timeout = max(0.0, min(due, deadline) - now())
        elif paused:
            timeout = max(0.05, last_heard + LISTENER_S - now())
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
        if paused and not listened():
            pause(False)
        if request is not None:
            current = now()
            if urgent or held >= PAGE_BYTES or (held and current >= held_since + GATHER_S) or current >= deadline:
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
