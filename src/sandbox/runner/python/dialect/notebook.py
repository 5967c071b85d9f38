# What the user's code calls as __notebook__, and how a source in the dialect is read.

from ..references import sys
from .capturing import Capturing
from .cells import carry_out_cell
from .commands import Lines, Programs, shell
from .describing import describe_object
from .expansion import expand
from .magics import LINE_MAGICS, OF_PYTHON
from .modules import ast
from .timing import moment, time_text
from .translation import Translation


class Notebook:
    def __init__(self, runner):
        self.runner = runner
        self.programs = Programs(runner.interrupts)
        self.last_folder = None
        # When what is being timed has begun.
        self.timings = []

    def read(self, source):
        """See Reading.read."""
        translation = Translation(source)
        text = translation.text()
        if text == source:
            return None
        self.timings = []
        return translation.source, text, lambda tree: prepare_tree(tree, translation)

    def module_names(self):
        return self.runner.module.__dict__

    def command(self, text):
        frame = sys._getframe(1)
        self.carry_out(shell(expand(text, frame.f_globals, frame.f_locals)))

    def carry_out(self, argv):
        self.module_names()["_exit_code"] = self.programs.carry_out(argv)

    def lines(self, text):
        frame = sys._getframe(1)
        return self.lines_of(expand(text, frame.f_globals, frame.f_locals))

    def lines_of(self, command):
        status, output, _ = self.programs.output_of(shell(command))
        self.module_names()["_exit_code"] = status
        return Lines(output.splitlines())

    def line(self, name, argument):
        frame = sys._getframe(1)
        if name not in OF_PYTHON:
            argument = expand(argument, frame.f_globals, frame.f_locals)
        return LINE_MAGICS[name](self, argument, {**frame.f_globals, **frame.f_locals})

    def cell(self, name, argument, body):
        names = self.module_names()
        carry_out_cell(self, name, expand(argument, names, names) if name != "timeit" else argument, body, names)

    def begin_timing(self):
        self.timings.append(moment())

    def timed(self, begun=None, value=None):
        print(time_text(self.timings.pop()))
        return value

    def capturing(self, argument):
        return Capturing(argument.split(), self.module_names())

    def describe(self, name, with_source):
        frame = sys._getframe(1)
        magic = name.lstrip("%")
        if name != magic:
            exists = magic in LINE_MAGICS
            print("%s %s" % (name, "is a magic of a line" if exists else "does not exist here"))
            return
        try:
            value = eval(name, frame.f_globals, frame.f_locals)
        except Exception:
            print("Object `%s` not found." % name)
            return
        print(describe_object(name, value, with_source), end="")


def prepare_tree(tree, translation):
    """Puts what the magics of a whole source do around it, and lets errors in a line that was translated point at all of it."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", None)
        if line in translation.changed:
            node.col_offset = 0
            node.end_lineno = line
            node.end_col_offset = len(translation.users_lines[line - 1].encode("utf-8", "surrogatepass"))
    for name, argument in reversed(translation.magics):
        if name == "time":
            time_all(tree)
        else:
            whole = parsed("with __notebook__.capturing(%r): pass" % argument)
            whole.body[0].body = tree.body or whole.body[0].body
            tree.body = whole.body
    return tree


def time_all(tree):
    last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if last is None:
        tree.body.extend(parsed("__notebook__.timed()").body)
    else:
        call = parsed("__notebook__.timed(None, 0)").body[0].value
        call.args[1] = last.value
        last.value = ast.copy_location(call, last.value)
    tree.body[:0] = parsed("__notebook__.begin_timing()").body


def parsed(text):
    return compile(text, "<magic>", "exec", ast.PyCF_ONLY_AST, True)
