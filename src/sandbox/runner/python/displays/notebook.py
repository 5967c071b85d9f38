# A stand-in for IPython where it is not installed: the names that notebooks take from it, and no interpreter behind them.

STAND_IN = ("IPython", "IPython.display", "IPython.core", "IPython.core.display", "IPython.core.display_functions")


class DisplayObject:
    """Data with a media type of its own, from a text, a file or, as far as it can be fetched, nothing else."""

    __module__ = "IPython.core.display"
    media_type = "text/plain"
    mode = "r"

    def __init__(self, data=None, url=None, filename=None, metadata=None, **options):
        if data is not None and filename is None and hasattr(data, "__fspath__"):
            data, filename = None, data
        if data is None and filename is not None:
            with open(filename, self.mode) as file:
                data = file.read()
        self.data, self.url, self.filename, self.metadata = data, url, filename, metadata

    def _repr_mimebundle_(self, include=None, exclude=None):
        if self.data is not None:
            return {self.media_type: self.data}
        return {"text/plain": "<%s: %s>" % (type(self).__name__, self.url)}


class Image(DisplayObject):
    __module__ = "IPython.core.display"
    media_type = "image/png"
    mode = "rb"

    def __init__(self, data=None, url=None, filename=None, format=None, **options):
        if isinstance(data, str):
            # The name of a file, or an address; as IPython has it.
            url, filename = (data, filename) if "://" in data else (url, data)
            data = None
        DisplayObject.__init__(self, data, url, filename)


def text_kind(name, media_type):
    return type(name, (DisplayObject,), {"__module__": "IPython.core.display", "media_type": media_type})


HTML = text_kind("HTML", "text/html")
Markdown = text_kind("Markdown", "text/markdown")
Latex = text_kind("Latex", "text/latex")
Math = type("Math", (Latex,), {"_repr_mimebundle_": lambda self, **options: {"text/latex": "$$%s$$" % self.data}})
SVG = text_kind("SVG", "image/svg+xml")
JSON = text_kind("JSON", "application/json")
Javascript = text_kind("Javascript", "application/javascript")
Pretty = text_kind("Pretty", "text/plain")
Code = text_kind("Code", "text/plain")


class Elsewhere(DisplayObject):
    """What only a browser plays or opens: told by its address."""

    __module__ = "IPython.core.display"

    def __init__(self, data=None, *args, filename=None, url=None, src=None, **options):
        DisplayObject.__init__(self)
        self.url = url or src or filename or (data if isinstance(data, str) else "%s data" % type(self).__name__)


def elsewhere_kind(name):
    return type(name, (Elsewhere,), {"__module__": "IPython.core.display"})


def get_ipython():
    """There is none."""
    return None


def clear_output(wait=False):
    """What has been shown stays."""


def fill_stand_in(module, displays):
    name = module.__name__
    if name in ("IPython", "IPython.core"):
        # matplotlib asks.
        module.__version__, module.version_info = "8.24.0", (8, 24, 0)
        module.get_ipython = get_ipython
    else:
        kinds = (DisplayObject, Image, HTML, Markdown, Latex, Math, SVG, JSON, Javascript, Pretty, Code)
        others = [elsewhere_kind(kind) for kind in ("Audio", "Video", "IFrame", "YouTubeVideo", "FileLink", "FileLinks")]
        vars(module).update({kind.__name__: kind for kind in (*kinds, *others)})
        module.clear_output = clear_output
    module.display = displays.builtin
