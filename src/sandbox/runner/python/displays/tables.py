# pandas' tables as text of a bounded size.

from ..references import sys

# Of a table, unless the user has set others than pandas' own.
ROWS, COLUMNS = 20, 12
PANDAS_ROWS, PANDAS_COLUMNS = (60,), (0, 20)
COLUMN_WIDTH = 50


def table_text(table, notes):
    """By pandas itself; a note tells of what is not shown."""
    pandas = sys.modules["pandas"]
    rows = chosen(pandas.get_option("display.max_rows"), PANDAS_ROWS, ROWS)
    columns = chosen(pandas.get_option("display.max_columns"), PANDAS_COLUMNS, COLUMNS)
    height = len(table)
    if isinstance(table, pandas.Series):
        text = table.to_string(max_rows=rows, length=True, dtype=True, name=True)
        shape, is_cut = "%d values" % height, is_more(height, rows)
    else:
        width = len(table.columns)
        bounds = {"max_rows": rows, "max_cols": columns, "max_colwidth": COLUMN_WIDTH}
        text = table.to_string(show_dimensions=False, **bounds)
        shape = "%d rows × %d columns" % (height, width)
        is_cut = is_more(height, rows) or is_more(width, columns)
        if not is_cut:
            text = "%s\n\n[%s]" % (text, shape)
    if is_cut:
        notes.append("part of %s; its to_string() has all, its to_csv(path) saves all" % shape)
    return text


def chosen(option, defaults, own):
    return own if option in defaults else option


def is_more(count, bound):
    return bound is not None and count > bound
