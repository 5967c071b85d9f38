# Reading and writing descriptors that others may have made non-blocking.

from .references import fcntl, os, select


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
