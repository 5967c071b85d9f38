# `name?` and `name??`: what an object is, as a text.

from .modules import inspect

# More of a value's text says little.
VALUE_CHARACTERS = 200


def describe_object(name, value, with_source):
    rows = []
    if callable(value):
        try:
            rows.append(("Signature", name.rpartition(".")[2] + str(inspect.signature(value))))
        except (TypeError, ValueError):
            pass
    rows.append(("Type", type(value).__name__))
    if not callable(value) and not inspect.ismodule(value):
        text = repr(value)
        rows.append(("String form", text[:VALUE_CHARACTERS] + ("…" if len(text) > VALUE_CHARACTERS else "")))
        try:
            rows.append(("Length", str(len(value))))
        except Exception:
            pass
    try:
        file = inspect.getsourcefile(value) or inspect.getfile(value)
        rows.append(("File", file))
    except (TypeError, OSError):
        pass
    source = source_of(value) if with_source else None
    if source is None:
        rows.append(("Docstring", inspect.getdoc(value) or "<no docstring>"))
    else:
        rows.append(("Source", source))
    return "".join(row_text(*row) for row in rows)


def row_text(title, text):
    return "%s:\n%s\n" % (title, text) if "\n" in text else "%-14s%s\n" % (title + ":", text)


def source_of(value):
    try:
        return inspect.getsource(value).rstrip("\n")
    except (TypeError, OSError):
        return None
