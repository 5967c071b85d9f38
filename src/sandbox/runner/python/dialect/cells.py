# Magics of a whole source, `%%name argument`: which there are, and those that have a text behind them, not Python.

from ..references import builtins, os, sys
from .commands import script_argv
from .modules import shlex, subprocess
from .timing import measure

# By name: whether Python follows.
CELL_MAGICS = {
    "time": True,
    "capture": True,
    **{name: False for name in ("timeit", "writefile", "file", "bash", "sh", "script", "python", "python3", "!", "sx", "system")},
    **{name: False for name in ("html", "HTML", "markdown", "latex", "svg", "SVG")},
}
MEDIA_TYPES = {
    "html": "text/html",
    "markdown": "text/markdown",
    "latex": "text/latex",
    "svg": "image/svg+xml",
}
SCRIPT_OPTIONS = ("--out", "--err", "--no-raise-error")


def carry_out_cell(notebook, name, argument, body, names):
    if name == "timeit":
        words, _, setup = argument.partition("  ")
        print(measure(argument + "\n" + body if argument.startswith("-") else body, "" if argument.startswith("-") else argument, names))
    elif name in ("writefile", "file"):
        write_file(argument, body)
    elif name.lower() in MEDIA_TYPES:
        builtins.display({MEDIA_TYPES[name.lower()]: body}, raw=True)
    else:
        program = {"script": "", "python": sys.executable, "python3": sys.executable, "sx": "sh", "system": "sh"}.get(name, name)
        run_script(notebook, name, program, argument, body)


def write_file(argument, body):
    words = shlex.split(argument)
    appends = "-a" in words or "--append" in words
    files = [word for word in words if word not in ("-a", "--append")]
    if len(files) != 1:
        raise ValueError("%%writefile takes the name of one file, and -a to append to it")
    path = os.path.expanduser(files[0])
    verb = "Appending to" if appends else "Overwriting" if os.path.exists(path) else "Writing"
    print("%s %s" % (verb, path))
    with open(path, "a" if appends else "w", encoding="utf-8") as file:
        file.write(body if body.endswith("\n") else body + "\n")


def run_script(notebook, name, program, argument, body):
    options = {}
    words = shlex.split(argument)
    while words and words[0] in SCRIPT_OPTIONS:
        option = words.pop(0)
        options[option] = words.pop(0) if option != "--no-raise-error" and words else ""
    if words and words[0].startswith("--"):
        raise ValueError("%%%%%s does not have the option %s. It has %s." % (name, words[0], ", ".join(SCRIPT_OPTIONS)))
    argv, text = script_argv(" ".join([shlex.quote(word) for word in ([program] if program else []) + words]), body)
    keeps = [option for option in ("--out", "--err") if options.get(option)]
    if keeps:
        status, *outputs = notebook.programs.output_of(argv, text, subprocess.PIPE)
        for option, stream, output in zip(("--out", "--err"), (sys.stdout, sys.stderr), outputs):
            if option in keeps:
                notebook.module_names()[options[option]] = output
            else:
                stream.write(output)
    else:
        status = notebook.programs.carry_out(argv, text)
    notebook.module_names()["_exit_code"] = status
    if status != 0 and "--no-raise-error" not in options:
        raise subprocess.CalledProcessError(status, name)
