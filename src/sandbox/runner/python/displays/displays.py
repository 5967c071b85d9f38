# What displays a run has: each goes to the host at once, and a mark in standard output tells where it belongs.

from ..descriptors import write_all
from ..references import _thread, os, sys
from ..showing import FORMS
from ..streams import flush_streams
from .charts import Charts
from .figures import Figures, root_figure
from .fitting import Fitting
from .forms import Shown, forms_of, one_line
from .images import image_of
from .imports import Imports
from .limits import DISPLAYS_A_RUN, LINE_BYTES, Budget


class Displays:
    def __init__(self, runner, showing):
        self.runner = runner
        self.showing = showing
        self.figures = Figures(self)
        self.charts = Charts(self)
        self.fitting = Fitting(runner)
        self.find = Imports(self, showing).find
        self.present = Budget(None)
        # Held by the thread that tells the host of a display, or of the end of the run; and which that is.
        self.lock = _thread.allocate_lock()
        self.owner = None

        def display(*objects, **options):
            return self.display(objects, options)

        self.for_ipython = display

    def budget(self):
        """Of the run that is on; without room where the host is not reached: between runs, and in a fork."""
        run = self.showing.run if os.getpid() == self.runner.pid else None
        if self.present.run is not run:
            self.present = Budget(run)
        return self.present

    # What is shown

    def display(self, objects, options):
        for value in objects:
            if options.get("raw") is True and isinstance(value, dict):
                self.tell(Shown(dict(value)))
            else:
                self.show_value(value)
        return Handle(self, options["display_id"]) if options.get("display_id") else None

    def show_value(self, value, is_last=False):
        try:
            figure = root_figure(value)
            if figure is not None:
                self.figures.show(figure)
                return
            shown = self.charts.shown_of(value) or image_of(value, self.budget().room())
            if shown is None:
                if hasattr(type(value), "_ipython_display_"):
                    value._ipython_display_()
                    return
                shown = forms_of(value, is_last)
            elif is_last and len(shown.data) > 1:
                shown.data.pop("text/plain", None)
            if shown.data or shown.notes:
                self.tell(shown)
        except Exception as error:
            self.print("[A value of type %s could not be shown: %s]\n" % (type(value).__name__, one_line(error)))

    def show_last(self, value):
        self.show_value(value, True)

    def is_figure(self, value):
        return root_figure(value) is not None

    def finish(self):
        budget = self.budget()
        # Who has been interrupted may have no time left: figures stay open for the next run.
        if budget.run is not None and not budget.run.asked:
            self.figures.show_open()

    def end(self):
        budget = self.budget()
        with self.lock:
            if budget.run is not None and budget.left_out > 0:
                note = "%d more were left out: a run shows at most %d" % (budget.left_out, DISPLAYS_A_RUN - 1)
                self.say(budget, {"data": {"text/plain": ""}, "note": note})
            self.showing.run = None
        self.present = Budget(None)

    # How it reaches the host

    def save(self, shown, content, media_type, what):
        self.fitting.save(shown, content, media_type, what)

    def tell(self, shown, waiting=1):
        """`waiting`: how many pictures share the room that is left, with this one."""
        budget = self.budget()
        try:
            display = self.fitting.fit(shown, budget, waiting)
        except Exception as error:
            self.print("[%s could not be shown: %s]\n" % (shown.stem, one_line(error)))
            return
        # What is nothing but text is output.
        is_text = "path" not in display and set(display["data"]) == {"text/plain"}
        if is_text or not self.send(budget, display):
            self.print(as_text(display))

    def send(self, budget, display):
        """Whether the host is told of it, now or by its number at the end of the run."""
        me = _thread.get_ident()
        # Within another one: the user's code was called in the midst of it, by a signal for one.
        if budget.run is None or self.owner == me:
            return False
        flush_streams(self.runner.flush_native)
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

    def print(self, text):
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:
            sys.stdout.write(text.encode("ascii", "backslashreplace").decode())
        except (AttributeError, OSError, ValueError):
            # There is no such stream.
            pass


class Handle:
    """What display(…, display_id=…) gives: an update is shown as another display."""

    def __init__(self, displays, display_id):
        self.displays = displays
        self.display_id = display_id if isinstance(display_id, str) else "display"

    def display(self, value, **options):
        self.displays.display((value,), options)

    update = display


def as_text(display):
    """With a text of its, if there is one; and what is told beside it."""
    texts = [text for media_type, text in display["data"].items() if not media_type.startswith("image/") and text]
    told = [display[name] if name == "note" else "saved as " + display[name] for name in ("note", "path") if name in display]
    return "".join("%s\n" % text for text in texts[:1] + (["[%s]" % "; ".join(told)] if told else []))
