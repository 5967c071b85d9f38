# Python's values in a command: `{expression}` and `$name`.

from .modules import re

# Two braces are one; the braces of an expression may have others in them. A `$` within single quotes is the shell's.
DOLLAR = re.compile(r"\$(\$?)([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
NAME = re.compile(r"[A-Za-z_]\w*\Z")


class Unknown(Exception):
    """Not an expression of Python, or one that cannot be evaluated here: it is left to the shell."""


def expand(text, names, locals):
    """`text` with the values of what is Python's in it; all else stays as it is."""
    pieces = []
    at = 0
    is_quoted = False
    while at < len(text):
        character = text[at]
        dollar = None if is_quoted else DOLLAR.match(text, at)
        if character == "'":
            is_quoted = not is_quoted
        if dollar is not None:
            pieces.append(dollar_value(dollar, names, locals))
            at = dollar.end()
        elif text.startswith("{{", at) or text.startswith("}}", at):
            pieces.append(character)
            at += 2
        elif character == "{" and not text.startswith("${", max(0, at - 1)):
            end = closing(text, at)
            piece = text[at:end]
            try:
                piece = braces_value(piece[1:-1], names, locals)
            except Exception:
                pass
            pieces.append(piece)
            at = end
        else:
            pieces.append(character)
            at += 1
    return "".join(pieces)


def closing(text, at):
    depth = 0
    for end in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return end + 1
    return len(text)


def braces_value(field, names, locals):
    expression, conversion, form = field, "", ""
    try:
        code = compile(expression.strip(), "<expression>", "eval", 0, True)
    except SyntaxError:
        found = re.match(r"(?s)(.*?)(?:!([rsa]))?(?::([^{}]*))?\Z", field)
        expression, conversion, form = found.group(1), found.group(2) or "", found.group(3) or ""
        code = compile(expression.strip(), "<expression>", "eval", 0, True)
    if NAME.match(expression.strip()) and expression.strip() not in names and expression.strip() not in locals:
        # `{print}` is awk's.
        raise Unknown
    value = eval(code, names, locals)
    convert = {"r": repr, "a": ascii, "s": str}.get(conversion)
    return format(convert(value) if convert else value, form)


def dollar_value(found, names, locals):
    if found.group(1):
        return "$" + found.group(2)
    first, *rest = found.group(2).split(".")
    if first not in names and first not in locals:
        return found.group(0)
    value = locals[first] if first in locals else names[first]
    suffix = ""
    for name in rest:
        # `$file.txt` is a name and what follows it.
        if suffix or not hasattr(value, name):
            suffix += "." + name
        else:
            value = getattr(value, name)
    return str(value) + suffix
