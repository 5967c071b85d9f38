# From the dialect to Python, line for line: what is no Python becomes a call of __notebook__ in the same line.

from .cells import CELL_MAGICS
from .hints import unknown
from .lines import Scanner, as_one_line, without_indentation
from .magics import LINE_MAGICS
from .modules import ast, re

# All of them match a line without its indentation. The groups: what a value is assigned to, the sign, and what follows it.
COMMAND = re.compile(r"((?:[\w.,\[\]()*'\" :]+=\s*)?)(!!|!|%(?!%))(.*)\Z", re.DOTALL)
# `name?`, `?name`, `%magic?`; two signs ask for the source too.
QUESTION = re.compile(r"(\?{0,2})(%{0,2}[A-Za-z_][\w.]*(?:\[[\w'\"]+\])*)(\?{0,2});?\Z")
PIP = re.compile(r"(pip3? (?:install|uninstall|list|show|freeze|download|check)\b.*)\Z", re.DOTALL)
CELL = re.compile(r"%%(\w*)[ \t]*(.*)\Z")


class Translation:
    """`lines`: as Python. `changed`: numbers of those that are not the user's.."""

    def __init__(self, source):
        self.source = without_indentation(source[1:] if source.startswith("\ufeff") else source)
        self.users_lines = self.source.split("\n")
        self.lines = list(self.users_lines)
        self.changed = set()
        # (name, argument) of each cell magic around what is left of the source.
        self.magics = []
        self.translate(self.skip_cell_magics())

    def text(self):
        return "\n".join(self.lines)

    def skip_cell_magics(self):
        """Returns the number of the line that the rest begins with."""
        at = 0
        while at < len(self.lines):
            line = self.lines[at].strip()
            cell = CELL.match(line)
            if cell is not None:
                name, argument = cell.group(1), cell.group(2)
                if name not in CELL_MAGICS:
                    self.refuse(at, unknown("%%" + name))
                self.put(at, "pass")
                if not CELL_MAGICS[name]:
                    body = "\n".join(self.lines[at + 1 :])
                    self.lines[at + 1 :] = [""] * (len(self.lines) - at - 1)
                    self.put(at, "__notebook__.cell(%r, %r, %r)" % (name, argument, body))
                    return len(self.lines)
                self.magics.append((name, argument))
            elif line and not line.startswith("#"):
                break
            at += 1
        return at

    def translate(self, at):
        scanner = Scanner()
        while at < len(self.lines):
            if scanner.is_between_statements():
                line, count = as_one_line(self.lines, at)
                python = self.python_of(line, at)
                if python is not None:
                    for empty in range(at + 1, at + count):
                        self.put(empty, "")
                    self.put(at, python)
                    at += count
                    continue
            scanner.pass_over(self.lines[at])
            at += 1

    def put(self, at, python):
        self.lines[at] = python
        self.changed.add(at + 1)

    def refuse(self, at, message):
        line = self.users_lines[at]
        raise SyntaxError(message, (None, at + 1, len(line) - len(line.lstrip()) + 1, line)) from None

    def python_of(self, line, at):
        """None where the line is Python, as far as can be seen here."""
        statement = line.strip()
        indentation = line[: len(line) - len(line.lstrip())]
        found = QUESTION.match(statement)
        if found is not None and (found.group(1) or found.group(3)):
            signs, name = found.group(1) or found.group(3), found.group(2)
            return "%s__notebook__.describe(%r, %r)" % (indentation, name, len(signs) > 1)
        if PIP.match(statement) and not is_python(statement):
            return "%s__notebook__.line('pip', %r)" % (indentation, statement.partition(" ")[2])
        found = COMMAND.match(statement)
        if found is None:
            if statement.startswith("%%"):
                self.refuse(at, "a magic with %% stands in the first line of a source")
            return None
        target, sign, rest = found.groups()
        if sign == "%":
            return indentation + target + self.magic_of(rest, at, bool(target))
        wants_lines = sign == "!!" or bool(target)
        return "%s%s__notebook__.%s(%r)" % (indentation, target, "lines" if wants_lines else "command", rest.strip())

    def magic_of(self, rest, at, is_assigned):
        name, _, argument = rest.strip().partition(" ")
        argument = argument.strip()
        if name not in LINE_MAGICS:
            self.refuse(at, unknown("%" + name))
        if name != "time" or not argument:
            return "__notebook__.line(%r, %r)" % (name, argument)
        if is_python(argument, "eval"):
            return "__notebook__.timed(__notebook__.begin_timing(), (%s))" % argument
        try:
            tree = compile(argument, "<time>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        except SyntaxError as error:
            self.refuse(at, "%s, after %%time" % error.msg)
        if is_assigned or any(hasattr(statement, "body") for statement in tree.body):
            self.refuse(at, "%time takes a simple statement. Write %%time in a first line for others.")
        return "__notebook__.begin_timing(); %s; __notebook__.timed()" % argument.rstrip().rstrip(";")


def is_python(text, mode="exec"):
    try:
        compile(text, "<text>", mode, ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    except (SyntaxError, ValueError):
        return False
    return True
