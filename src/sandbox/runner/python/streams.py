# The user's stdin, stdout and stderr: put in order before each run, flushed after it.

from .descriptors import write_all
from .references import io, os, sys
from .stdin import empty_stdin


def restore_streams(outputs):
    """Undoes what an earlier run did to the streams; `outputs` are our own duplicates of descriptors 1 and 2."""
    empty_stdin()
    for fd, saved in zip((1, 2), outputs):
        # A child that shares the pipe may have made it non-blocking.
        os.set_blocking(saved, True)
        os.dup2(saved, fd)
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if is_closed(getattr(sys, name, None)):
            original = getattr(sys, "__" + name + "__", None)
            setattr(sys, name, open_stream(fd, mode) if is_closed(original) else original)


def is_closed(stream):
    return stream is None or getattr(stream, "closed", False) is True


def open_stream(fd, mode):
    raw = io.open(fd, mode + "b", -1, closefd=False)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace" if fd == 2 else "surrogateescape", line_buffering=fd != 0)


def flush_streams(flush_native):
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            pass
    if flush_native is not None:
        flush_native()


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


def print_error(text, fallback):
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BaseException:
        write_all(fallback, text.encode("utf-8", "backslashreplace"))
