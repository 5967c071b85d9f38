# matplotlib's backend for runs: pyplot's figures are shown by plt.show(), or else at the end of the run, each once, and then closed.

from ..references import os, sys
from .drawing import draw
from .forms import Shown, one_line, text_of
from .warned import with_warnings

BACKEND = "msb_mcp_figures"
# What opens windows, and cannot where there is no screen: the names that a configuration file may have.
WINDOWED = ("gtk3", "gtk4", "macosx", "nbagg", "qt", "tk", "wx", "webagg")


def choose_backend():
    """Before pyplot is imported, unless the user has chosen one that works here."""
    options = sys.modules["matplotlib"].rcParams
    # By dict's own way: matplotlib's would look for one at once.
    chosen = dict.__getitem__(options, "backend")
    has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not isinstance(chosen, str) or (chosen.lower().startswith(WINDOWED) and not has_screen):
        options["backend"] = "module://" + BACKEND


def fill_backend(module, figures):
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    class FigureManager(FigureManagerBase):
        def show(self):
            figures.displays.show_value(self.canvas.figure)

    class FigureCanvas(FigureCanvasAgg):
        manager_class = FigureManager

    def show(*args, **options):
        # Who does not wait goes on drawing: plt.pause(), for one.
        if (args + (options.get("block"),))[0] is not False:
            with_warnings(figures.displays.runner, figures.show_open)

    module.FigureManager, module.FigureCanvas, module.show = FigureManager, FigureCanvas, show


class Figures:
    def __init__(self, displays):
        self.displays = displays

    def show(self, figure, waiting=1):
        """`waiting`: how many pictures are to be shown, with this one."""
        manager = getattr(figure.canvas, "manager", None)
        if manager is not None:
            manager.msb_mcp_has_shown = True
        text = text_of(figure)
        try:
            picture = draw(figure)
        except Exception as error:
            self.displays.tell(Shown({"text/plain": text}, notes=["it could not be drawn: %s" % one_line(error)]))
            return
        self.displays.tell(Shown({picture.media_type: picture, "text/plain": text}, "figure"), waiting)

    def show_open(self):
        """Those that have not been shown, by number; closes all. With the backend Agg too, which is often chosen only because it opens no window."""
        known = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
        canvas_kind = getattr(sys.modules.get("matplotlib.backends.backend_agg"), "FigureCanvasAgg", None)
        if known is None or canvas_kind is None:
            return
        managers = [one for one in known.get_all_fig_managers() if isinstance(one.canvas, canvas_kind)]
        managers.sort(key=lambda manager: manager.num)
        waiting = sum(not hasattr(manager, "msb_mcp_has_shown") for manager in managers)
        for manager in managers:
            try:
                if not hasattr(manager, "msb_mcp_has_shown"):
                    self.show(manager.canvas.figure, waiting)
                    waiting -= 1
            finally:
                known.destroy(manager)


def root_figure(value):
    """The figure, or that of a part of one; None for anything else."""
    module = sys.modules.get("matplotlib.figure")
    kind = getattr(module, "Figure", None)
    if kind is None:
        return None
    part = getattr(module, "SubFigure", None)
    while part is not None and isinstance(value, part):
        # Up from nested ones; the root is its own.
        value = getattr(value, "_parent", None)
    return value if isinstance(value, kind) else None
