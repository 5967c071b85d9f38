# The forms that a value has: what its own methods say, as IPython asks them.

from ..references import sys
from .limits import TEXT_BYTES
from .pictures import type_and_size
from .tables import table_text

# By method, in the order in which they are asked; one picture is enough.
METHODS = (
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_latex_", "text/latex"),
    ("_repr_json_", "application/json"),
    ("_repr_javascript_", "application/javascript"),
)


class Shown:
    """What is on its way to the host: by media type, bytes of pictures and texts; notes, and the name of files for it."""

    def __init__(self, data, stem="display", notes=()):
        self.data = data
        self.stem = stem
        self.notes = list(notes)
        self.path = None


def forms_of(value, is_last):
    """Of a last value, whose text has been printed, only what says more than that text; may be without any."""
    notes = []
    if is_table(value):
        return Shown({}) if is_last else Shown({"text/plain": table_text(value, notes)}, "table", notes)
    if isinstance(value, (bytes, bytearray)) and not is_last:
        found = type_and_size(value)
        if found is not None:
            return Shown({found[0]: bytes(value)})
    kind = type(value)
    data = {}
    if hasattr(kind, "_repr_mimebundle_"):
        bundle = ask(value, "_repr_mimebundle_", notes, {"include": None, "exclude": None})
        if isinstance(bundle, dict):
            data.update(bundle)
    for method, media_type in METHODS:
        has_it = media_type in data or (media_type == "image/jpeg" and "image/png" in data)
        if not has_it and hasattr(kind, method):
            form = ask(value, method, notes, {})
            if form is not None:
                data[media_type] = form
    if is_last:
        data.pop("text/plain", None)
        if not has_no_text(value):
            # The text that was printed says it.
            data.pop("text/html", None)
    elif "text/plain" not in data and not (data and has_no_text(value)):
        data["text/plain"] = text_of(value)
    return Shown(data, "display", notes)


def ask(value, method, notes, options):
    """What the method gives, without the metadata that may come with it."""
    try:
        form = getattr(value, method)(**options)
    except NotImplementedError:
        return None
    except Exception as error:
        notes.append("its %s failed: %s" % (method, one_line(error)))
        return None
    return form[0] if isinstance(form, tuple) and len(form) == 2 else form


def is_table(value):
    pandas = sys.modules.get("pandas")
    kinds = (getattr(pandas, "DataFrame", None), getattr(pandas, "Series", None))
    return None not in kinds and isinstance(value, kinds)


def has_no_text(value):
    """Whether its text says no more than what it is."""
    return type(value).__repr__ is object.__repr__ or str(type(value).__module__).startswith("IPython.")


def text_of(value):
    try:
        text = repr(value)
    except Exception as error:
        return "<%s whose repr() failed: %s>" % (type(value).__name__, one_line(error))
    return text if isinstance(text, str) else object.__repr__(value)


def one_line(error):
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    return "%s: %s" % (type(error).__name__, message[:300]) if message else type(error).__name__


def fits_as_text(text):
    return len(text.encode("utf-8", "surrogatepass")) <= TEXT_BYTES
