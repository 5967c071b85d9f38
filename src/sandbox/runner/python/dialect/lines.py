# A source in the dialect, line by line: which lines begin a statement, and so may be a command or a magic.

from .modules import re

# What strings begin and end with, brackets, comments, and a backslash with what it escapes.
SIGNS = re.compile(r"'''|\"\"\"|['\"]|[\[({]|[\])}]|#|\\.|\\$")


class Scanner:
    """Goes from line to line, and knows whether it is within brackets or a string."""

    def __init__(self):
        self.depth = 0
        # The quotes of a string that goes on in the next line.
        self.quotes = None
        self.goes_on = False

    def is_between_statements(self):
        return self.depth == 0 and self.quotes is None and not self.goes_on

    def pass_over(self, line):
        self.goes_on = line.endswith("\\")
        for sign in SIGNS.findall(line):
            if self.quotes is not None:
                if sign == self.quotes or (len(self.quotes) == 1 and sign == self.quotes * 3):
                    self.quotes = None
            elif sign == "#":
                self.goes_on = False
                break
            elif sign[0] in "'\"":
                self.quotes = sign
            elif sign in "[({":
                self.depth += 1
            elif sign in "])}":
                self.depth = max(0, self.depth - 1)
        # A string of one line ends with it.
        if self.quotes is not None and len(self.quotes) == 1 and not self.goes_on:
            self.quotes = None


def without_indentation(source):
    """A source whose lines all begin with the blanks that its first one begins with."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    blanks = first[: len(first) - len(first.lstrip())]
    if not blanks:
        return source
    return "\n".join(line[len(blanks) :] if line.startswith(blanks) else line for line in lines)


def as_one_line(lines, at):
    """The line at `at` with those that it goes on in by a backslash, and how many lines that are."""
    parts = []
    for line in lines[at:]:
        parts.append(line.strip() if parts else line.rstrip())
        if not line.rstrip().endswith("\\"):
            break
        parts[-1] = parts[-1][:-1].rstrip()
    return " ".join(parts), len(parts)
