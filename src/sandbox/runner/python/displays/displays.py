# What values, figures and charts are shown as, for display(), for last values and at the end of a run.

from .charts import Charts
from .figures import Figures, root_figure
from .fitting import Fitting
from .forms import Shown, forms_of, one_line
from .images import image_of
from .imports import Imports
from .telling import Telling, print_text
from .warned import with_warnings


class Displays:
    def __init__(self, runner, showing):
        self.runner = runner
        self.telling = Telling(runner, showing)
        self.fitting = Fitting(runner)
        self.figures = Figures(self)
        self.charts = Charts(self)
        # As the built-in, whatever the user has put in its place.
        self.builtin = lambda *objects, **options: self.display(objects, options)
        self.find = Imports(self, showing).find

    def display(self, objects, options):
        for value in objects:
            if options.get("raw") is True and isinstance(value, dict):
                self.tell(Shown(dict(value)))
            else:
                self.show_value(value)
        return Handle(self) if options.get("display_id") else None

    def show_value(self, value, is_last=False):
        with_warnings(self.runner, self.show_as_it_is, value, is_last)

    def show_as_it_is(self, value, is_last):
        try:
            figure = root_figure(value)
            if figure is not None:
                self.figures.show(figure)
                return
            shown = self.charts.shown_of(value) or image_of(value, self.telling.budget().room())
            if shown is None:
                if hasattr(type(value), "_ipython_display_"):
                    value._ipython_display_()
                    return
                shown = forms_of(value, is_last)
            elif is_last and len(shown.data) > 1:
                # It has been printed.
                shown.data.pop("text/plain", None)
            if shown.data or shown.notes:
                self.tell(shown)
        except Exception as error:
            print_text("[a value of type %s could not be shown: %s]\n" % (type(value).__name__, one_line(error)))

    def show_last(self, value):
        self.show_value(value, True)

    def is_figure(self, value):
        return root_figure(value) is not None

    def tell(self, shown, waiting=1):
        """`waiting`: how many pictures share the room that is left, with this one."""
        budget = self.telling.budget()
        try:
            display = self.fitting.fit(shown, budget, waiting)
        except Exception as error:
            print_text("[a %s could not be shown: %s]\n" % (shown.stem, one_line(error)))
            return
        self.telling.tell(display, budget)

    def finish(self):
        run = self.telling.budget().run
        # Who has been interrupted may have no time left: figures stay open for the next run.
        if run is not None and not run.asked:
            with_warnings(self.runner, self.figures.show_open)

    def end(self):
        self.telling.end()


class Handle:
    """What display(…, display_id=…) gives: an update is shown as another display."""

    def __init__(self, displays):
        self.displays = displays

    def display(self, value, **options):
        self.displays.display((value,), options)

    update = display
