# Interrupts: ours, which come as a signal of its own, and the user's SIGINT. Each reaches the user's code and nothing else.

from .references import OWN_FILE, _thread, signal, time

# The signal of our own interrupts, which nothing on Linux uses: SIGSTKFLT.
INTERRUPT = 16
# An interrupt that Python has not delivered is sent again: a signal that comes just before a blocking call does not end it.
RESEND_SECONDS = 0.05
# One that was delivered is sent once more after this: it may have been lost in a callback or a __del__.
SECOND_SECONDS = 0.5


class Interrupts:
    def __init__(self, coroutines):
        self.coroutines = coroutines
        self.main_thread = _thread.get_ident()
        # Guards `current` against an interrupt that is being sent while its run ends.
        self.lock = _thread.allocate_lock()
        self.current = None
        # The id of a run that has been asked for and is not yet `current`.
        self.upcoming = None
        # The user's code is on the stack; set and cleared in frames that `on_interrupt` never interrupts.
        self.armed = False
        # What answers a SIGINT while the user's code is on the stack.
        self.users_handler = signal.default_int_handler

    def install(self):
        signal.signal(signal.SIGINT, ignore)
        signal.signal(INTERRUPT, self.on_interrupt)

    def restore(self):
        """Undoes what an earlier run did to our own interrupts."""
        if signal.getsignal(INTERRUPT) != self.on_interrupt:
            signal.signal(INTERRUPT, self.on_interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, INTERRUPT])

    def begin(self, run):
        with self.lock:
            self.current = run
            self.upcoming = None

    def end(self, run):
        with self.lock:
            self.current = None
        if run.asked:
            # A signal that was sent before the lock was taken is delivered now, while nobody is there to be interrupted.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [INTERRUPT])

    # The control thread

    def start(self, id, once):
        """Interrupts the run of that id, in a thread of its own."""
        _thread.start_new_thread(self.interrupt, (id, once))

    def present(self):
        """The id of the run that is on or the next, or None."""
        with self.lock:
            return self.current.id if self.current is not None else self.upcoming

    def interrupt(self, id, once):
        """Interrupts the main thread until the run has taken notice of it or has ended; by SIGINT where the user has a handler for that."""
        deadline = None
        is_new = True
        while True:
            with self.lock:
                run = self.current
                if run is not None and run.id == id:
                    run.asked = True
                    if is_new:
                        # One of before may have been caught.
                        run.delivered = is_new = False
                    if run.delivered:
                        if once:
                            return
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
        if first and self.coroutines.task is not None and is_in_asyncio(frame):
            # Nothing of the user's is computing: the coroutine is cancelled where it waits, as asyncio.run does.
            self.coroutines.cancel()
            return
        raise KeyboardInterrupt

    def arm(self):
        self.armed = True
        signal.signal(signal.SIGINT, self.users_handler)

    def disarm(self):
        self.keep(signal.signal(signal.SIGINT, ignore))
        self.armed = False

    def keep(self, handler):
        """For the next run. `handler` is what has answered a SIGINT until now."""
        if handler is not ignore:
            # None is what Python has not set itself.
            self.users_handler = signal.default_int_handler if handler is None else handler


def ignore(signum, frame):
    pass


def is_users(handler):
    return callable(handler) and handler is not ignore and handler is not signal.default_int_handler


def is_in_asyncio(frame):
    name = frame.f_globals.get("__name__", "")
    return name == "selectors" or name.partition(".")[0] == "asyncio"
