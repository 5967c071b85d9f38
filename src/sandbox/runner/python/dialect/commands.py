# Command lines and scripts of other interpreters.

from ..references import _thread, os, signal, sys
from .modules import re, shlex, subprocess

# How long a command that is to end may take for that, in seconds.
ENDING_SECONDS = 0.5


class Lines(list):
    """What `x = !command` gives: the lines of the output, as a list and as texts."""

    @property
    def l(self):
        return self

    list = l

    @property
    def n(self):
        return "\n".join(self)

    nlstr = n

    @property
    def s(self):
        return " ".join(self)

    spstr = s

    def grep(self, pattern, prune=False, field=None):
        """The lines that a pattern, or a function of a line, finds something in; with `prune`, the others."""
        finds = pattern if callable(pattern) else re.compile(pattern, re.IGNORECASE).search

        def part(line):
            words = line.split()
            return line if field is None else (words[field] if field < len(words) else "")

        return Lines([line for line in self if bool(finds(part(line))) != bool(prune)])

    def fields(self, *numbers):
        """Columns of the lines."""
        split = [line.split() for line in self]
        if not numbers:
            return split
        return Lines([" ".join([words[n] for n in numbers if -len(words) <= n < len(words)]) for words in split if words])


def descriptor_of(stream):
    """The descriptor that a stream writes to; None where it keeps what is written."""
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


class Programs:
    """Starts programs and waits for them, so that an interrupt ends those too."""

    def __init__(self, interrupts):
        self.interrupts = interrupts

    def carry_out(self, argv, text=None):
        """Runs a program with the user's streams, and returns its exit status; `text` is its standard input, if it has one of its own."""
        outputs = [descriptor_of(sys.stdout), descriptor_of(sys.stderr)]
        process = self.start(argv, text, *[subprocess.PIPE if output is None else output for output in outputs])
        for stream, written in zip((sys.stdout, sys.stderr), talk(process, text)):
            if written:
                stream.write(written.decode("utf-8", "replace"))
        return process.returncode

    def output_of(self, argv, text=None, stderr=subprocess.STDOUT):
        """The exit status of a program, and what it has written to each of both."""
        for stream in (sys.stdout, sys.stderr):
            descriptor_of(stream)
        process = self.start(argv, text, subprocess.PIPE, stderr)
        outputs = talk(process, text)
        return (process.returncode, *[(output or b"").decode("utf-8", "surrogateescape") for output in outputs])

    def start(self, argv, text, stdout, stderr):
        stdin = None if text is None else subprocess.PIPE
        # An interrupt in the middle of it would leave a program that nobody knows. It comes again. Other threads get none.
        is_main = _thread.get_ident() == self.interrupts.main_thread
        if is_main:
            self.interrupts.armed = False
        try:
            return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)
        finally:
            if is_main:
                self.interrupts.armed = True


def talk(process, text):
    try:
        return process.communicate(None if text is None else text.encode("utf-8", "surrogateescape"))
    except BaseException:
        end(process)
        raise


def end(process):
    """With all that it has started and that has not left it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(ENDING_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass


def shell(command):
    return ["/bin/sh", "-c", command]


def script_argv(program, body):
    """The command line for a script, and its standard input: a shell has it as an argument, so that its commands can read the run's input."""
    argv = shlex.split(program)
    if len(argv) == 1 and argv[0] in ("bash", "sh") and len(body) < 32 * 1024:
        return [argv[0], "-c", body], None
    return argv, body
