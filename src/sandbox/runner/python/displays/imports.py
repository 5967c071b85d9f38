# What is done when a module that has to do with displays is imported.

from ..references import sys
from .charts import show_charts_of
from .figures import BACKEND, choose_backend, fill_backend
from .notebook import STAND_IN, clear_output, fill_stand_in

# IPython's modules that define display(), by version.
OF_IPYTHON = ("IPython.core.display_functions", "IPython.core.display")
OF_CHARTS = ("plotly.io._renderers", "bokeh.io.showing")


class Imports:
    def __init__(self, displays, watch):
        self.displays = displays
        # In sys.meta_path; it is not asked again.
        self.watch = watch

    def find(self, name, path, target):
        """A spec, or None for whoever is next in sys.meta_path."""
        if name == "matplotlib.pyplot":
            try:
                choose_backend()
            except Exception:
                # Not as it is known here: it finds one itself.
                pass
            return None
        if name == BACKEND:
            return self.own_spec(name, lambda module: fill_backend(module, self.displays.figures))
        spec = self.find_elsewhere(name, path, target)
        if spec is None and name in STAND_IN and is_free(name):
            return self.own_spec(name, lambda module: fill_stand_in(module, self.displays))
        if spec is not None and name in OF_CHARTS:
            then_do(spec, lambda module: show_charts_of(module, self.displays))
        elif spec is not None and name in OF_IPYTHON:
            then_do(spec, lambda module: show_here(module, self.displays))
        return spec

    def find_elsewhere(self, name, path, target):
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self.watch else None
            if spec is not None:
                return spec
        return None

    def own_spec(self, name, fill):
        return type(sys.__spec__)(name, Filling(fill), origin="built-in", is_package=name in ("IPython", "IPython.core"))


class Filling:
    """A loader of modules that are made here."""

    def __init__(self, fill):
        self.fill = fill

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        self.fill(module)


def is_free(name):
    """Not a part of an IPython that is installed and lacks it."""
    top = sys.modules.get("IPython")
    return name == "IPython" or isinstance(getattr(getattr(top, "__spec__", None), "loader", None), Filling)


def then_do(spec, act):
    """Has something done once the module has been executed."""
    loader = spec.loader
    execute = loader.exec_module

    def exec_module(module):
        execute(module)
        try:
            act(module)
        except Exception:
            # Not as it is known here.
            pass

    loader.exec_module = exec_module


def show_here(module, displays):
    """Where there is no notebook, IPython's own display() prints texts, and its clear_output() what only a terminal understands."""
    for name, own in (("display", displays.builtin), ("clear_output", clear_output)):
        # Not by hasattr(): the module warns of names that it had once.
        if name in vars(module):
            setattr(module, name, own)
