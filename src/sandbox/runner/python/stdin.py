# The standard input of a run that has one: a pipe on descriptor 0, which the host has text for. Everybody else's is empty.

from .descriptors import take_away
from .references import _thread, io, os, select, signal

# How long a full pipe is waited for before the end of the run is looked for, in seconds.
FULL_SECONDS = 0.2


class Input:
    """One run's. Made by the control thread, which also has what is written to it."""

    def __init__(self, id, taken):
        self.id = id
        # Tells the host, by its number, that a piece of text is in the pipe.
        self.taken = taken
        read_end, write_end = os.pipe()
        self.read_end, self.write_end = take_away(read_end), take_away(write_end)
        os.close(read_end)
        os.close(write_end)
        os.set_blocking(self.write_end, False)
        self.is_over = False
        # Held by whoever writes, and to close.
        self.lock = _thread.allocate_lock()

    def write(self, number, text):
        """In a thread of its own: the reader takes its time, and an interrupt must not have to wait for that."""
        _thread.start_new_thread(self.feed, (number, text.encode("utf-8", "replace")))

    def feed(self, number, data):
        # The user may have made SIGPIPE deadly.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        with self.lock:
            while data and not self.is_over:
                try:
                    data = data[os.write(self.write_end, data) :]
                except BlockingIOError:
                    select.select([], [self.write_end], [], FULL_SECONDS)
                except OSError:
                    # Nobody can read it any more.
                    break
        if self.is_over:
            self.close()
        self.taken(self.id, number)

    def end(self):
        """Nothing more comes."""
        self.is_over = True
        self.close()

    def close(self):
        # Whoever writes now closes it after that.
        if self.lock.acquire(False):
            write_end, self.write_end = self.write_end, None
            self.lock.release()
            if write_end is not None:
                os.close(write_end)

    def connect(self):
        """Makes it descriptor 0."""
        os.dup2(self.read_end, 0)
        os.close(self.read_end)
        self.read_end = None

    def forget(self):
        """In a forked child: its parent has the writing."""
        for fd in (self.read_end, self.write_end):
            if fd is not None:
                os.close(fd)


def empty_stdin():
    empty = os.open(os.devnull, os.O_RDONLY)
    if empty != 0:
        os.dup2(empty, 0)
        os.close(empty)


def drain_stdin(streams):
    """Drops what those that read from descriptor 0 have read ahead. It is empty by now."""
    for stream in streams:
        try:
            if type(stream) is io.TextIOWrapper and io.TextIOWrapper.fileno(stream) == 0:
                io.TextIOWrapper.read(stream)
        except BaseException:
            # Closed, or broken by the user.
            pass

