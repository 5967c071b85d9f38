"""The Python runner: an interpreter that keeps its state, spoken to in lines of JSON.

Control-in is descriptor 0 and control-out descriptor 3 at the start; both are moved out of the user's reach, and descriptor 0 becomes empty. One
request a line:

    {"id": "…", "source": "…", "mark": "…", "where": "stdout" or "control"}
                          run a source; when it has ended, write the mark to stderr, and the mark and a line to stdout: the answer, if it
                          is to come there and can be written in one piece, otherwise nothing, and the answer comes on control-out
    {"interrupt": "…"}    raise KeyboardInterrupt in the run of that id; without effect on any other
    {"attach": "…"}       somebody new is at the other end: interrupt whatever runs, then write this mark to stdout and stderr and say
                          that it is ready, as at the start

A line that is not JSON is what somebody who went away had begun to say, and is passed over. The first line on control-out is {"ready": true, "pid": …,
"protocol": 2}. An answer is {"id", "ended", "success", "exitCode", "result", "error", "displays"}.
A SIGINT is the user's, whoever has sent it: Python's own handler answers it, or one that the user has set, and between runs nothing does. Our own
interrupts come as another signal. All sources share one context (contextvars), and asynchronous ones an event loop, which stands still between them.
End of control-in ends the process. Standard library only, Python 3.8 and later.

Whatever the user puts in the place of builtins and of what modules have, the runner goes on with what they had at its start.

What a first `1+1` can do without is imported later (`Runner.prepare`): in a new microVM, imports take as long as Python's own start.
"""

import sys

# The runner's own folder must not shadow what it imports; the user gets the working directory, as at the prompt.
if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]

import _ast as ast
import _signal as signal
import _thread
import builtins
import fcntl
import io
import os
import select
import time

try:
    from _queue import Empty, SimpleQueue
except ImportError:
    from queue import Empty, SimpleQueue
from _contextvars import copy_context


def own(module):
    """A copy that does not change with the module."""
    copy = type(sys)(module.__name__)
    copy.__dict__.update(module.__dict__)
    return copy


# For the functions below, which find their builtins here.
__builtins__ = dict(builtins.__dict__)
ast, signal, _thread, fcntl, io, os, select, time = map(own, (ast, signal, _thread, fcntl, io, os, select, time))
same_file = os.path.samestat
HAS_LAST_EXC = sys.version_info >= (3, 12)
# Before Python 3.11 a task has a context of its own.
HAS_TASK_CONTEXT = sys.version_info >= (3, 11)
EXCEPTHOOK = sys.excepthook

STANDARD_PATH = sys.path[:]


def json_functions():
    """json.dumps and json.loads, of the parts that these are made of: what else `json` imports takes longer than all of this file."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        class Plain:
            strict = True
            object_hook = object_pairs_hook = None
            parse_float, parse_int, parse_constant = float, int, float

        encode = make_encoder(None, None, encode_basestring_ascii, None, ": ", ", ", False, False, True)
        scan = make_scanner(Plain)

        def dumps(value):
            return "".join(encode(value, 0))

        def loads(line):
            text = line.decode().strip()
            try:
                value, end = scan(text, 0)
            except Exception:
                # StopIteration, or whatever comes of importing json for the error that it has for this: there may be a json.py of the user's.
                end = None
            if end != len(text):
                raise ValueError("not a line of JSON")
            return value

        probe = {"a": ["\u00e4\n", None, True, 1]}
        if loads(dumps(probe).encode()) == probe:
            return dumps, loads
    except Exception:
        # These parts have no documentation that would hold them to what they are.
        pass
    import json

    return json.dumps, json.loads


dumps, loads = json_functions()
if not getattr(sys.flags, "safe_path", False):
    sys.path.insert(0, "")

# What an answer may carry of a value and of a traceback, in characters; the whole of it has been printed.
RESULT_CHARACTERS = 64 * 1024
# A last value of so many characters goes out in one piece with the mark and the answer: a message less to whoever reads.
LAST_WORDS_CHARACTERS = 1024
# Sources kept for tracebacks and inspect, in cells and in characters; the oldest go first.
KEPT_CELLS = 1000
KEPT_CHARACTERS = 8 * 1024 * 1024
# The signal of our own interrupts, which nothing on Linux uses: SIGSTKFLT.
INTERRUPT = 16
# An interrupt that Python has not delivered is sent again: a signal that comes just before a blocking call does not end it.
RESEND_SECONDS = 0.05
# One that was delivered is sent once more after this: it may have been lost in a callback or a __del__.
SECOND_SECONDS = 0.5
# Who has nothing to do for so long imports what is not needed yet.
IDLE_SECONDS = 0.25

READY = {"ready": True, "pid": os.getpid(), "protocol": 2}
OWN_FILE = (lambda: None).__code__.co_filename


class Run:
    """One run: what the main thread and the control thread both know of it."""

    def __init__(self, request):
        self.id = request["id"]
        self.source = request["source"]
        self.mark = request["mark"].encode()
        self.where = request.get("where")
        # An interrupt has been asked for by the control thread, and: one has reached the user's code.
        self.asked = False
        self.delivered = False
        self.result = None
        self.error = None
        self.exit_code = None


class Runner:
    def __init__(self, control_in, control_out, outputs):
        self.control_in = control_in
        self.control_out = control_out
        self.outputs = outputs
        self.stdout = sys.stdout
        # What is yet to be written to stdout, before the mark.
        self.last_words = b""
        self.pid = READY["pid"]
        self.main_thread = _thread.get_ident()
        self.requests = SimpleQueue()
        # Guards `current` against an interrupt that is being sent while its run ends.
        self.lock = _thread.allocate_lock()
        self.current = None
        # The id of a run that has been asked for and is not yet `current`.
        self.upcoming = None
        # The user's code is on the stack; set and cleared in frames that `on_interrupt` never interrupts.
        self.armed = False
        # What answers a SIGINT while the user's code is on the stack.
        self.users_handler = signal.default_int_handler
        self.context = copy_context()
        self.loop = None
        self.task = None
        # The sources that are kept, as linecache keeps them.
        self.cells = {}
        self.cell_count = 0
        self.cell_characters = 0
        self.flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.future_flags = []
        self.flush_native = None
        # These two are modules, once they have been imported.
        self.linecache = None
        self.traceback = None
        self.module = type(sys)("__main__")
        self.module.__dict__["__builtins__"] = builtins

    def serve(self):
        sys.modules["__main__"] = self.module
        sys.argv = [""]
        sys.displayhook = self.display
        signal.signal(signal.SIGINT, ignore)
        signal.signal(INTERRUPT, self.on_interrupt)
        os.register_at_fork(after_in_child=self.forget_descriptors)
        _thread.start_new_thread(self.listen, ())
        self.send(encode(READY))
        while True:
            request = self.next_request()
            if "attach" in request:
                self.attach(request["attach"].encode())
            else:
                self.answer(Run(request))

    def next_request(self):
        if self.traceback is None:
            try:
                return self.requests.get(timeout=IDLE_SECONDS)
            except Empty:
                self.prepare()
        return self.requests.get()

    def prepare(self):
        """
        Imports what a source that imports nothing and does not fail can do without. Such a source starts no thread either, so there is none
        to see that no module of the user's is found meanwhile, which may have the name of one of these.
        """
        if self.traceback is not None:
            return
        users_path, sys.path = sys.path, STANDARD_PATH
        try:
            import __future__
            import linecache
            import traceback
            import warnings

            # Of a fork beside the one thread that is ours, from 3.12 on; it holds no lock that a child needs.
            warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
            self.future_flags = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
            linecache.cache.update(self.cells)
            self.flush_native = native_flush()
            self.linecache, self.traceback = linecache, traceback
        except Exception:
            # No room for it in memory or among the open files, say: the next one tries again.
            pass
        finally:
            sys.path = users_path

    def attach(self, mark):
        for fd in self.outputs:
            write_all(fd, mark)
        self.send(encode(READY))

    def send(self, line):
        try:
            write_all(self.control_out, line)
        except OSError:
            os._exit(70)

    def forget_descriptors(self):
        """A forked child must keep neither the host's pipes open nor the conversation."""
        for fd in [self.control_in, self.control_out, *self.outputs]:
            try:
                os.close(fd)
            except OSError:
                pass

    # The control thread

    def listen(self):
        pending = b""
        while True:
            chunk = read_some(self.control_in)
            if not chunk:
                os._exit(0)
            *lines, pending = (pending + chunk).split(b"\n") if b"\n" in chunk else [pending + chunk]
            for line in lines:
                try:
                    message = loads(line)
                except ValueError:
                    continue
                if "interrupt" in message:
                    _thread.start_new_thread(self.interrupt, (message["interrupt"],))
                elif "attach" in message:
                    with self.lock:
                        present = self.current.id if self.current is not None else self.upcoming
                    _thread.start_new_thread(self.interrupt, (present,))
                    self.requests.put(message)
                else:
                    self.upcoming = message["id"]
                    self.requests.put(message)

    def interrupt(self, id):
        """Interrupts the main thread until the run has taken notice of it or has ended; by SIGINT where the user has a handler for that."""
        deadline = None
        while True:
            with self.lock:
                run = self.current
                if run is not None and run.id == id:
                    run.asked = True
                    if run.delivered:
                        if deadline is None:
                            deadline = time.monotonic() + SECOND_SECONDS
                        elif time.monotonic() >= deadline:
                            signal.pthread_kill(self.main_thread, INTERRUPT)
                            return
                    elif is_users(signal.getsignal(signal.SIGINT)):
                        run.delivered = True
                        signal.pthread_kill(self.main_thread, signal.SIGINT)
                    else:
                        signal.pthread_kill(self.main_thread, INTERRUPT)
                elif self.upcoming != id:
                    return
            time.sleep(RESEND_SECONDS)

    # The main thread

    def on_interrupt(self, signum, frame):
        run = self.current
        if run is None or not run.asked or not self.armed or frame is None or frame.f_code.co_filename == OWN_FILE:
            return
        first = not run.delivered
        run.delivered = True
        if first and self.task is not None and is_in_asyncio(frame):
            # Nothing of the user's is computing: the coroutine is cancelled where it waits, as asyncio.run does.
            self.loop.call_soon_threadsafe(self.task.cancel)
            return
        raise KeyboardInterrupt

    def answer(self, run):
        self.restore()
        with self.lock:
            self.current = run
            self.upcoming = None
        failure = None
        if "import" in run.source or "exec" in run.source:
            self.prepare()
        try:
            codes = self.compile(run.source)
        except BaseException as error:
            failure = error.with_traceback(None)
            if isinstance(error, SyntaxError) and error.text is None and error.lineno is not None:
                # An error found after parsing does not carry its line.
                error.text = "".join(self.cells[error.filename][2][error.lineno - 1 : error.lineno])
        else:
            failure = self.execute(codes)
        if os.getpid() != self.pid:
            self.end_fork(failure)
        if run.delivered and type(failure).__name__ == "CancelledError":
            failure = KeyboardInterrupt().with_traceback(failure.__traceback__)
        if failure is not None:
            try:
                self.report(run, failure)
            except BaseException:
                # The user's own, of an exception's methods.
                print_error("an exception that cannot be shown\n", self.outputs[1])
        self.flush()
        with self.lock:
            self.current = None
        if run.asked:
            # A signal that was sent before the lock was taken is delivered now, while nobody is there to be interrupted.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [INTERRUPT])
        answer = {
            "id": run.id,
            "ended": "interrupted" if run.delivered else "exited",
            "success": failure is None or run.exit_code == 0,
            "exitCode": run.exit_code,
            "result": run.result,
            "error": run.error,
            "displays": [],
        }
        # Nothing of a run may stay reachable from here while the next one is waited for.
        del failure
        line = encode(answer)
        ending = self.last_words + run.mark
        # No more than this is sure to stay in one piece where others write too.
        fits = run.where == "stdout" and len(ending) + len(line) <= select.PIPE_BUF
        try:
            write_all(self.outputs[1], run.mark)
            write_all(self.outputs[0], ending + (line if fits else b"\n"))
        except OSError:
            os._exit(70)
        if not fits:
            self.send(line)

    def restore(self):
        """Undoes what an earlier run did to the streams and to interrupts, and forgets which warnings it has shown."""
        self.last_words = b""
        self.module.__dict__.pop("__warningregistry__", None)
        empty = os.open(os.devnull, os.O_RDONLY)
        if empty != 0:
            os.dup2(empty, 0)
            os.close(empty)
        for fd, saved in zip((1, 2), self.outputs):
            # A child that shares the pipe may have made it non-blocking.
            os.set_blocking(saved, True)
            os.dup2(saved, fd)
        for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
            if is_closed(getattr(sys, name, None)):
                original = getattr(sys, "__" + name + "__", None)
                setattr(sys, name, open_stream(fd, mode) if is_closed(original) else original)
        if signal.getsignal(INTERRUPT) != self.on_interrupt:
            signal.signal(INTERRUPT, self.on_interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, INTERRUPT])

    def compile(self, source):
        """The code of all statements but a last expression, and that of the expression."""
        self.cell_count += 1
        name = "<cell %d>" % self.cell_count
        self.remember(name, source)
        tree = compile(source, name, "exec", self.flags | ast.PyCF_ONLY_AST, True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        codes = [compile(tree, name, "exec", self.flags, True)]
        if last is not None:
            codes.append(compile(ast.Expression(last.value), name, "eval", self.flags, True))
        # `from __future__ import …` holds for what follows, as at the prompt.
        for flag in self.future_flags:
            self.flags |= codes[0].co_flags & flag
        return codes

    def remember(self, name, source):
        entry = (len(source), None, source.splitlines(True), name)
        self.cells[name] = entry
        self.cell_characters += len(source)
        self.share(lambda cache: cache.update({name: entry}))
        while len(self.cells) > KEPT_CELLS or (self.cell_characters > KEPT_CHARACTERS and len(self.cells) > 1):
            oldest = next(iter(self.cells))
            self.cell_characters -= self.cells.pop(oldest)[0]
            self.share(lambda cache: cache.pop(oldest, None))

    def share(self, change):
        """Changes linecache's sources, once it is there; the user may have made anything of it."""
        if self.linecache is not None:
            try:
                change(self.linecache.cache)
            except Exception:
                pass

    def execute(self, codes):
        """Runs the codes; returns what they raised, or None."""
        failure = None
        try:
            self.armed = True
            signal.signal(signal.SIGINT, self.users_handler)
            if any(code.co_flags & 0x80 for code in codes):  # inspect.CO_COROUTINE
                self.execute_async(codes)
            else:
                self.context.run(self.evaluate, codes)
        except BaseException as error:
            failure = error
        # What answers the user's signals may raise anything until it is disarmed, in the way from one attempt to the next too.
        while self.armed:
            try:
                while self.armed:
                    try:
                        self.disarm()
                    except BaseException as error:
                        failure = error
            except BaseException as error:
                failure = error
        return failure

    def disarm(self):
        handler = signal.signal(signal.SIGINT, ignore)
        if handler is not ignore:
            # None is what Python has not set itself.
            self.users_handler = signal.default_int_handler if handler is None else handler
        self.armed = False

    def evaluate(self, codes):
        value = None
        for code in codes:
            value = eval(code, self.module.__dict__)
        self.show(value)

    def execute_async(self, codes):
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        outcome = []
        coroutine = self.evaluate_async(codes, outcome)
        # Not by the loop's create_task: a factory of the user's may not know of contexts.
        if HAS_TASK_CONTEXT:
            self.task = asyncio.Task(coroutine, loop=self.loop, context=self.context)
        else:
            self.task = asyncio.Task(InContext(coroutine, self.context), loop=self.loop)
        try:
            self.loop.run_until_complete(self.task)
        except BaseException as error:
            # Raised by the loop itself, or by another task: the user's coroutine still waits.
            outcome.append(error)
            if not self.task.done():
                self.task.cancel()
                self.loop.run_until_complete(asyncio.wait([self.task], timeout=0.2))
        finally:
            self.task = None
        if outcome:
            raise outcome[0]

    async def evaluate_async(self, codes, outcome):
        try:
            value = None
            for code in codes:
                value = eval(code, self.module.__dict__)
                if code.co_flags & 0x80:
                    value = await value
            self.show(value)
        except BaseException as error:
            # Kept from asyncio, which would let SystemExit and KeyboardInterrupt tear the loop.
            outcome.append(error)

    def show(self, value):
        if getattr(sys.displayhook, "__func__", None) is Runner.display:
            self.display(value, True)
        else:
            sys.displayhook(value)

    def display(self, value, is_last=False):
        """sys.displayhook, which also keeps what it prints."""
        if value is None:
            return
        builtins._ = None
        text = repr(value)
        run = self.current
        if run is not None:
            run.result = text[:RESULT_CHARACTERS]
        if is_last and self.goes_with_mark(text):
            self.last_words = (text + "\n").encode()
        elif sys.stdout is not None:
            try:
                sys.stdout.write(text)
            except UnicodeEncodeError:
                encoding = sys.stdout.encoding or "utf-8"
                sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.write("\n")
        builtins._ = value

    def goes_with_mark(self, text):
        """Whether the text is short, and would be written as it is to where the mark will be: never in a fork, which has no marks to write."""
        stream = sys.stdout
        if len(text) > LAST_WORDS_CHARACTERS or not text.isascii() or stream is not self.stdout:
            return False
        try:
            if stream.encoding != "utf-8" or "write" in vars(stream):
                return False
            return same_file(os.fstat(1), os.fstat(self.outputs[0]))
        except (OSError, ValueError):
            return False

    def report(self, run, failure):
        if isinstance(failure, SystemExit):
            run.exit_code = exit_code(failure)
            if failure.code is not None and not isinstance(failure.code, int):
                print_error(str(failure.code) + "\n", self.outputs[1])
            return
        self.prepare()
        strip_frames(failure, set())
        sys.last_type, sys.last_value, sys.last_traceback = type(failure), failure, failure.__traceback__
        if HAS_LAST_EXC:
            sys.last_exc = failure
        try:
            message = str(failure)
        except BaseException:
            message = type(failure).__name__
        try:
            text = "".join(self.traceback.format_exception(type(failure), failure, failure.__traceback__))
        except BaseException:
            # What the user has made of builtins is not to traceback's liking; the interpreter has a plainer way of its own.
            text = None
        run.error = {
            "type": type(failure).__name__,
            "message": message[:RESULT_CHARACTERS],
            "traceback": (text or message)[:RESULT_CHARACTERS],
        }
        hook = getattr(sys, "excepthook", EXCEPTHOOK)
        if hook is not EXCEPTHOOK or text is None:
            try:
                hook(type(failure), failure, failure.__traceback__)
                return
            except BaseException:
                pass
        print_error(text or "%s: %s\n" % (type(failure).__name__, message), self.outputs[1])

    def flush(self):
        for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
            try:
                getattr(sys, name).flush()
            except BaseException:
                pass
        if self.flush_native is not None:
            self.flush_native()

    def end_fork(self, failure):
        """A child made by os.fork that came to the end of the source ends here: the conversation is its parent's."""
        status = 0
        if isinstance(failure, SystemExit):
            status = exit_code(failure)
        elif failure is not None:
            strip_frames(failure, set())
            if self.traceback is not None:
                self.traceback.print_exception(type(failure), failure, failure.__traceback__)
            status = 1
        self.flush()
        os._exit(status)


class InContext:
    """A coroutine whose steps are taken in a context that it shares with others."""

    def __init__(self, coroutine, context):
        self.coroutine = coroutine
        self.context = context

    def send(self, value):
        return self.context.run(self.coroutine.send, value)

    def throw(self, *error):
        return self.context.run(self.coroutine.throw, *error)

    def close(self):
        return self.context.run(self.coroutine.close)

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)


def ignore(signum, frame):
    pass


def is_users(handler):
    return callable(handler) and handler is not ignore and handler is not signal.default_int_handler


def encode(message):
    return (dumps(message) + "\n").encode()


def is_in_asyncio(frame):
    name = frame.f_globals.get("__name__", "")
    return name == "selectors" or name.partition(".")[0] == "asyncio"


def exit_code(failure):
    if failure.code is None:
        return 0
    return failure.code & 0xFF if isinstance(failure.code, int) else 1


def strip_frames(error, seen):
    """Takes the runner's own frames out of an exception and out of all it is chained to."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    kept = []
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename != OWN_FILE:
            kept.append(frame)
        frame = frame.tb_next
    for entry, following in zip(kept, kept[1:] + [None]):
        entry.tb_next = following
    error.__traceback__ = kept[0] if kept else None
    strip_frames(error.__cause__, seen)
    strip_frames(error.__context__, seen)
    try:
        members = list(getattr(error, "exceptions", ()))
    except Exception:
        # Another use of the name.
        members = []
    for member in members:
        if isinstance(member, BaseException):
            strip_frames(member, seen)


def print_error(text, fallback):
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BaseException:
        write_all(fallback, text.encode("utf-8", "backslashreplace"))


def is_closed(stream):
    return stream is None or getattr(stream, "closed", False) is True


def open_stream(fd, mode):
    raw = io.open(fd, mode + "b", -1, closefd=False)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace" if fd == 2 else "surrogateescape", line_buffering=fd != 0)


def native_flush():
    """A function that flushes C's stdout, or None: printf of a native library is buffered beside ours."""
    try:
        import ctypes

        library = ctypes.CDLL(None)
        stdout = ctypes.c_void_p.in_dll(library, "stdout")
        flush = library.fflush
        flush.argtypes = [ctypes.c_void_p]
        return lambda: flush(stdout)
    except Exception:
        return None


def write_all(fd, data):
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])


def read_some(fd):
    while True:
        try:
            return os.read(fd, 1 << 16)
        except BlockingIOError:
            select.select([fd], [], [])


def take_away(fd):
    """A private duplicate that no child inherits, far from the numbers that programs play with."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)


def main():
    control_in, control_out = take_away(0), take_away(3)
    os.close(3)
    outputs = [take_away(1), take_away(2)]
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    Runner(control_in, control_out, outputs).serve()


if __name__ == "__main__":
    # From a frame of other globals: before Python 3.10, a function has the builtins of a caller in the same module.
    eval("main()", {"main": main})
