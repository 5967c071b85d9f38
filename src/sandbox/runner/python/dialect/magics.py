# Magics of a line, `%name argument`: what each of them does.

from ..references import os, sys
from .commands import Lines, shell
from .modules import re, shlex
from .timing import measure


def change_folder(notebook, argument, names):
    words = [word for word in shlex.split(argument) if word != "-q"]
    target = words[0] if words else "~"
    if target == "-":
        target = notebook.last_folder or os.getcwd()
    last = os.getcwd()
    os.chdir(os.path.expanduser(target))
    notebook.last_folder = last
    if "-q" not in argument.split():
        print(os.getcwd())


def environment(notebook, argument, names):
    if not argument:
        return dict(os.environ)
    name, _, value = argument.partition("=" if "=" in argument else " ")
    if not value and "=" not in argument:
        if argument not in os.environ:
            raise KeyError("Environment does not have key: " + argument)
        return os.environ[argument]
    name, value = name.strip(), value.strip()
    if re.search(r"\s", name):
        raise ValueError("the name of an environment variable has no blanks: %r" % name)
    os.environ[name] = value
    print("env: %s=%s" % (name, value))


def pip(notebook, argument, names):
    """Of this interpreter, in the words of a shell."""
    status = notebook.programs.carry_out(shell('exec "$0" -m pip ' + argument) + [sys.executable])
    notebook.module_names()["_exit_code"] = status
    # What has been installed is to be found now.
    sys.path_importer_cache.clear()


def own_names(notebook, argument=""):
    kinds = argument.split()
    names = [
        name
        for name, value in notebook.module_names().items()
        if not name.startswith("_") and (not kinds or type(value).__name__ in kinds)
    ]
    return sorted(names)


def print_names(notebook, argument, names):
    found = own_names(notebook, argument)
    if not found:
        print("Interactive namespace is empty.")
        return
    width = 0
    for name in found:
        print(name + "\t", end=" ")
        width += len(name) + 8
        if width > 70:
            print()
            width = 0
    print()


def print_table(notebook, argument, names):
    found = own_names(notebook, argument)
    rows = [(name, type(notebook.module_names()[name]).__name__) for name in found]
    if not rows:
        print("Interactive namespace is empty.")
        return
    width = max(len(name) for name, _ in [("Variable", ""), *rows])
    print("%s   Type" % "Variable".ljust(width))
    print("-" * (width + 10))
    for name, kind in rows:
        print("%s   %s" % (name.ljust(width), kind))


def command_named(name):
    return lambda notebook, argument, names: notebook.carry_out(shell("%s %s" % (name, argument)))


def nothing(notebook, argument, names):
    """What is so here in any case, or has no meaning without a notebook."""


def shell_lines(notebook, argument, names):
    return notebook.lines_of(argument)


LINE_MAGICS = {
    "cd": change_folder,
    "pwd": lambda notebook, argument, names: os.getcwd(),
    "env": environment,
    "set_env": environment,
    "pip": pip,
    "who": print_names,
    "whos": print_table,
    "who_ls": lambda notebook, argument, names: own_names(notebook, argument),
    "time": nothing,
    "timeit": lambda notebook, argument, names: print(measure(argument, "", names)),
    "sx": shell_lines,
    "system": shell_lines,
    "ll": command_named("ls -l"),
    **{name: command_named(name) for name in ("ls", "cat", "cp", "mv", "mkdir", "rm", "rmdir")},
    **{name: nothing for name in ("matplotlib", "load_ext", "reload_ext", "autoreload", "config", "colors", "xmode")},
}
# Those that take Python; all others take what a shell does, with values in it.
OF_PYTHON = ("time", "timeit")
