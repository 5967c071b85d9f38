# The main thread: takes one request after the other, runs its source and tells how that ended.

from .changes import Changes
from .control import listen
from .coroutines import COROUTINE, Coroutines
from .descriptors import write_all
from .errors import exit_code, report, report_exit, strip_frames
from .interrupts import Interrupts, ignore
from .mailbox import Mailbox
from .packages import find_packages
from .protocol import READY, Json, Run, with_changes
from .reading import Reading
from .references import STANDARD_PATH, _thread, builtins, copy_context, os, select, signal, sys, time
from .showing import Showing
from .sources import Sources
from .stdin import drain_stdin, empty_stdin
from .streams import flush_streams, native_flush, print_error, restore_streams
from .values import Values

# Who has nothing to do for so long imports what is not needed yet.
IDLE_SECONDS = 0.25
# So many signals of the user's may come so close that each interrupts what is done about the one before.
CLOSE_SIGNALS = 4


class Runner:
    def __init__(self, control_in, control_out, outputs):
        self.control_in = control_in
        self.control_out = control_out
        self.outputs = outputs
        self.pid = os.getpid()
        self.requests = Mailbox()
        self.context = copy_context()
        self.coroutines = Coroutines(self.context)
        self.interrupts = Interrupts(self.coroutines)
        self.sources = Sources(Reading(self))
        self.showing = Showing(self)
        self.values = Values(outputs[0], self.showing)
        # The run's input, while one that has an input is on.
        self.stdin = None
        self.first_stdin = sys.stdin
        # Held by whoever writes to control-out.
        self.speaking = _thread.allocate_lock()
        self.json = Json()
        self.changes = Changes()
        self.flush_native = None
        # Functions of binascii, once it has been imported.
        self.to_base64 = self.from_base64 = None
        # The module, once it has been imported.
        self.traceback = None
        self.module = type(sys)("__main__")
        self.module.__dict__["__builtins__"] = builtins

    def serve(self):
        sys.modules["__main__"] = self.module
        sys.argv = [""]
        sys.displayhook = self.values.display
        self.showing.install()
        self.interrupts.install()
        os.register_at_fork(after_in_child=self.forget_descriptors)
        if not getattr(sys.flags, "safe_path", False):
            sys.path.insert(0, "")
        try:
            find_packages()
        except Exception:
            # A home that is full or read-only, or a Python that makes finders in another way: what is installed is found after its next start.
            pass
        self.send(READY)
        spoken = (self.control_in, self.json, self.requests)
        _thread.start_new_thread(listen, (*spoken, self.interrupts, self.took, self.beside))
        while True:
            request = self.next_request()
            if "attach" in request:
                self.attach(request["attach"].encode())
            elif "found" in request:
                self.send(self.json.encode(request["found"], self.prepare))
            else:
                self.answer(Run(request))

    def next_request(self):
        if self.traceback is None:
            request = self.requests.take(IDLE_SECONDS)
            if request is not None:
                return request
            self.prepare()
        return self.requests.take()

    def prepare(self):
        """
        Imports what a source that imports nothing and does not fail can do without. Such a source starts no thread either, so there is none
        to see that no module of the user's is found meanwhile, which may have the name of one of these.
        """
        if self.traceback is not None:
            return
        users_path, sys.path = sys.path, STANDARD_PATH
        try:
            import binascii
            import traceback
            import warnings

            # Of a fork beside the one thread that is ours, from 3.12 on; it holds no lock that a child needs.
            warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
            self.json.prepare()
            self.sources.prepare()
            self.flush_native = native_flush()
            self.to_base64, self.from_base64 = binascii.b2a_base64, binascii.a2b_base64
            self.traceback = traceback
        except Exception:
            # No room for it in memory or among the open files, say: the next one tries again.
            pass
        finally:
            sys.path = users_path

    def attach(self, mark):
        for fd in self.outputs:
            write_all(fd, mark)
        self.send(READY)

    def beside(self, message):
        """
        In the control thread, for a command of the host's. The main thread never looks meanwhile: the host asks when no source runs, and what
        it says next is heard when this has been answered.
        """
        if "moment" in message:
            self.send(b'{"moment": "%s", "ms": %d}\n' % (message["moment"].encode(), time.time_ns() // 1_000_000))
            return
        try:
            changes = self.changes.look(self.changes.of(message), message.get("volumes", ()))
        except Exception:
            # No room for it in memory, say.
            changes = {"files": [], "complete": False}
        found = with_changes({"look": message["look"]}, changes)
        if changes is None or self.json.parts is not None:
            self.send(self.json.encode(found, self.prepare))
        else:
            # Only the main thread imports.
            self.requests.put({"found": found})

    def send(self, line):
        try:
            with self.speaking:
                write_all(self.control_out, line)
        except OSError:
            os._exit(70)

    def took(self, id, number):
        self.send(b'{"id": "%s", "taken": %d}\n' % (id.encode(), number))

    def forget_descriptors(self):
        """A forked child must keep neither the host's pipes open nor the conversation."""
        for fd in [self.control_in, self.control_out, *self.outputs]:
            try:
                os.close(fd)
            except OSError:
                pass
        if self.stdin is not None:
            self.stdin.forget()

    def answer(self, run):
        self.restore(run)
        begun = self.changes.begin()
        self.interrupts.begin(run)
        self.values.begin(run)
        self.showing.run = run
        failure = None
        if "import" in run.source or "exec" in run.source:
            self.prepare()
        try:
            codes = self.sources.compile(run.source)
        except BaseException as error:
            failure = error.with_traceback(None)
            self.sources.complete(failure)
        else:
            failure = self.execute([codes])
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
        flush_streams(self.flush_native)
        self.end_input()
        self.showing.end()
        self.values.run = None
        self.interrupts.end(run)
        answer = run.answer(failure, self.changes.look(begun, run.volumes))
        # Nothing of a run may stay reachable from here while the next one is waited for.
        del failure
        self.tell(run, self.json.encode(answer, self.prepare))

    def restore(self, run):
        """Undoes what an earlier run did to the streams and to interrupts, and forgets which warnings it has shown."""
        self.module.__dict__.pop("__warningregistry__", None)
        restore_streams(self.outputs)
        if run.stdin is not None:
            run.stdin.connect()
            self.stdin = run.stdin
        self.interrupts.restore()

    def end_input(self):
        if self.stdin is None:
            return
        self.stdin.end()
        self.stdin = None
        empty_stdin()
        # The user may have put another in the place of the first.
        drain_stdin([self.first_stdin, sys.__stdin__, sys.stdin])

    def execute(self, pending, depth=CLOSE_SIGNALS):
        """
        Runs the codes that are pending; returns what they raised, or None. What answers the user's signals may raise anything until it is disarmed.
        What had come before it could be held back is caught by the depth above.
        """
        failure = None
        while True:
            try:
                if depth > 0:
                    raised = self.execute(pending, depth - 1)
                    return failure if raised is None else raised
                if pending:
                    codes, pending[:] = pending[0], []
                    self.interrupts.arm()
                    self.run_codes(codes)
                while self.interrupts.armed:
                    self.interrupts.disarm()
                return failure
            except BaseException as error:
                # Python answers what has come before it sets who answers: no more may come meanwhile.
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
                handler = signal.signal(signal.SIGINT, ignore)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
                failure = error
                self.interrupts.keep(handler)

    def run_codes(self, codes):
        try:
            if any(code.co_flags & COROUTINE for code in codes):
                self.coroutines.execute(codes, self.module.__dict__, self.values.show)
            else:
                self.context.run(self.evaluate, codes)
        finally:
            self.context.run(self.showing.finish)

    def evaluate(self, codes):
        value = None
        for code in codes:
            value = eval(code, self.module.__dict__)
        self.values.show(value)

    def report(self, run, failure):
        if isinstance(failure, SystemExit):
            report_exit(run, failure, self.outputs[1])
            return
        self.prepare()
        report(run, failure, self.traceback, self.outputs[1])

    def tell(self, run, line):
        """Marks the end of a run's output, and answers: behind the mark, if the host wants that and it fits."""
        ending = self.values.last_words + run.mark
        # No more than this is sure to stay in one piece where others write too. What has been shown is to be read before the answer.
        fits = run.where == "stdout" and not run.has_shown and len(ending) + len(line) <= select.PIPE_BUF
        try:
            write_all(self.outputs[1], run.mark)
            write_all(self.outputs[0], ending + (line if fits else b"\n"))
        except OSError:
            os._exit(70)
        if not fits:
            self.send(line)

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
        flush_streams(self.flush_native)
        os._exit(status)
