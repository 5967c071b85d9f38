# %%capture: what a source prints and shows is kept, and given a name.

from ..references import builtins, io, sys


class Captured:
    def __init__(self):
        self.stdout = self.stderr = ""
        self.outputs = []

    def show(self):
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for objects, options in self.outputs:
            builtins.display(*objects, **options)

    __call__ = show

    def __str__(self):
        return self.stdout


class Capturing:
    """A context; `words` are the magic's: a name, and what is not to be captured."""

    def __init__(self, words, names):
        self.target = next((word for word in words if not word.startswith("-")), None)
        self.captures_stdout = "--no-stdout" not in words
        self.captures_stderr = "--no-stderr" not in words
        self.captures_displays = "--no-display" not in words
        self.names = names
        self.captured = Captured()

    def __enter__(self):
        self.before = sys.stdout, sys.stderr, builtins.display
        if self.captures_stdout:
            sys.stdout = self.stdout = io.StringIO()
        if self.captures_stderr:
            sys.stderr = self.stderr = io.StringIO()
        if self.captures_displays:
            builtins.display = lambda *objects, **options: self.captured.outputs.append((objects, options))

    def __exit__(self, *failure):
        sys.stdout, sys.stderr, builtins.display = self.before
        if self.captures_stdout:
            self.captured.stdout = self.stdout.getvalue()
        if self.captures_stderr:
            self.captured.stderr = self.stderr.getvalue()
        if self.target is not None:
            self.names[self.target] = self.captured
