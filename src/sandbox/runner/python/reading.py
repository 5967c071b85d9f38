# What is done with a source that does not parse as Python: it may be what notebooks are written in. All of that is a text (dialect/) that is
# compiled when such a source first comes: what parses as Python has nothing to do with it.

from .references import OWN_FILE, STANDARD_PATH, builtins, sys

# program.ts puts the text of dialect/ in the place of this one.
DIALECT = "dialect.py"


class Reading:
    def __init__(self, runner):
        self.runner = runner
        self.notebook = None

    def read(self, source):
        """A text for tracebacks, the same as Python, and what is to be done with its tree; or None where the source is no notebook's."""
        if self.notebook is None:
            self.notebook = self.load()
        reading = self.notebook.read(source)
        if reading is not None:
            # In each run anew: it is the user's to delete.
            builtins.__notebook__ = self.notebook
        return reading

    def load(self):
        self.runner.prepare()
        names = dict(globals())
        # As Runner.prepare: no module of the user's is to be found, which may have the name of one of Python's.
        users_path, sys.path = sys.path, STANDARD_PATH
        try:
            exec(compile(DIALECT, OWN_FILE, "exec", 0, True), names)
        finally:
            sys.path = users_path
        return names["Notebook"](self.runner)
