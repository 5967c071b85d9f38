# How displays reach the host: each at once, and a mark in standard output tells where it belongs. What does not reach it is printed.

from ..descriptors import write_all
from ..references import _thread, os, sys
from .limits import DISPLAYS_A_RUN, LINE_BYTES, Budget


# Errors of a stream that is closed, gone or in use.
NO_STREAM = (AttributeError, OSError, ValueError, RuntimeError)


class Telling:
    def __init__(self, runner, showing):
        self.runner = runner
        self.showing = showing
        self.present = Budget(None)
        # Held by the thread that tells the host of a display, or of the end of the run; and which that is.
        self.lock = _thread.allocate_lock()
        self.owner = None

    def budget(self):
        """Of the run that is on; without room where the host is not reached: between runs, and in a fork."""
        run = self.showing.run if os.getpid() == self.runner.pid else None
        if self.present.run is not run:
            self.present = Budget(run)
        return self.present

    def tell(self, display, budget):
        # What is nothing but text is output.
        is_text = "path" not in display and set(display["data"]) == {"text/plain"}
        if is_text or not self.send(budget, display):
            print_text(as_text(display))

    def send(self, budget, display):
        """Whether the host is told of it, now or by its number at the end of the run."""
        me = _thread.get_ident()
        # Within another one: the user's code was called in the midst of it, by a signal for one.
        if budget.run is None or self.owner == me:
            return False
        self.flush()
        with self.lock:
            if self.showing.run is not budget.run:
                return False
            if budget.number >= DISPLAYS_A_RUN - 1:
                budget.left_out += 1
                return True
            self.owner = me
            try:
                return self.say(budget, display)
            finally:
                self.owner = None

    def flush(self):
        """What has been printed comes before. Unlike at the end of a run, what the user's signals raise meanwhile is the program's."""
        for name in ("stdout", "stderr"):
            try:
                getattr(sys, name).flush()
            except NO_STREAM:
                pass
        if self.runner.flush_native is not None:
            self.runner.flush_native()

    def say(self, budget, display):
        runner, run = self.runner, budget.run
        message = {"id": run.id, "display": {"number": budget.number + 1, **display}}
        line = runner.json.encode(message, runner.prepare)
        if len(line) > LINE_BYTES:
            return False
        budget.number += 1
        run.has_shown = True
        words, runner.values.last_words = runner.values.last_words, b""
        runner.send(line)
        try:
            write_all(runner.outputs[0], words + run.mark + b"d%d\n" % budget.number)
        except OSError:
            os._exit(70)
        return True

    def end(self):
        """Nothing more of the present run is told; what was left out is."""
        budget = self.budget()
        with self.lock:
            if budget.run is not None and budget.left_out > 0:
                note = "%d more were left out: a run shows at most %d" % (budget.left_out, DISPLAYS_A_RUN - 1)
                self.say(budget, {"data": {"text/plain": ""}, "note": note})
            self.showing.run = None
        self.present = Budget(None)


def as_text(display):
    """With a text of its, if there is one; and what is told beside it."""
    texts = [text for media_type, text in display["data"].items() if not media_type.startswith("image/") and text]
    told = [display["note"]] if "note" in display else []
    if "path" in display:
        told.append("saved as " + display["path"])
    return "".join("%s\n" % text for text in texts[:1] + (["[%s]" % "; ".join(told)] if told else []))


def print_text(text):
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.write(text.encode("ascii", "backslashreplace").decode())
    except RuntimeError:
        # Called by a signal's handler, while the stream was writing.
        write_all(1, text.encode("utf-8", "backslashreplace"))
    except NO_STREAM:
        pass
