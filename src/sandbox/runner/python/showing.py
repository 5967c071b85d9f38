# What a run shows beside its output, as far as every run needs it. All else is a text (displays/) that is compiled when a value, an import or a
# call of display() first asks for it: neither the start of an interpreter nor a run without displays waits for it.

from .references import OWN_FILE, builtins, sys

# program.ts puts the text of displays/ in the place of this one.
DISPLAYS = "displays.py"
# The methods by which values say how they are shown, as IPython has them.
FORMS = (
    "_repr_mimebundle_",
    "_repr_png_",
    "_repr_jpeg_",
    "_repr_svg_",
    "_repr_html_",
    "_repr_markdown_",
    "_repr_latex_",
    "_repr_json_",
    "_ipython_display_",
)
# What has none of them, to say so at once.
PLAIN = frozenset([int, str, float, bool, complex, bytes, list, dict, tuple, set, frozenset, range])
# Imports at which something is to be done, beside those of IPython.
WATCHED = frozenset(["matplotlib.pyplot", "msb_mcp_figures", "plotly.io._renderers", "bokeh.io.showing"])


class Showing:
    """Also stands first in sys.meta_path, to see what is imported."""

    def __init__(self, runner):
        self.runner = runner
        # The run that is on, or None.
        self.run = None

    def install(self):
        def display(*objects, **options):
            """Shows objects beside the output: pictures, figures, tables, and whatever has IPython's _repr_…_ methods."""
            return self.load().display(objects, options)

        builtins.display = display
        sys.meta_path.insert(0, self)

    def load(self):
        """What displays/ has, for this interpreter."""
        parts = vars(self).get("parts")
        if parts is None:
            self.runner.prepare()
            names = dict(globals())
            exec(compile(DISPLAYS, OWN_FILE, "exec", 0, True), names)
            # In one step, should two threads come here at once.
            parts = vars(self).setdefault("parts", names["Displays"](self.runner, self))
        return parts

    def has_forms(self, value):
        """Whether a last value may be shown in another form than its text."""
        kind = type(value)
        if kind in PLAIN:
            return False
        try:
            return any(hasattr(kind, name) for name in FORMS) or (
                "matplotlib.figure" in sys.modules and self.load().is_figure(value)
            )
        except Exception:
            return False

    def show(self, value):
        self.load().show_last(value)

    def finish(self):
        """Shows what is left to show when a source has come to its end; the user's code may be interrupted there."""
        if "parts" in vars(self):
            self.parts.finish()

    def end(self):
        if "parts" in vars(self):
            self.parts.end()
        self.run = None

    def find_spec(self, name, path=None, target=None):
        if name in WATCHED or name.partition(".")[0] == "IPython":
            return self.load().find(name, path, target)
        return None
