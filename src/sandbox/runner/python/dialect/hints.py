# What to write in the place of a magic that does not exist here.

HINTS = {
    "conda": "Packages of conda cannot be installed here. Write %pip install NAME.",
    "mamba": "Packages of conda cannot be installed here. Write %pip install NAME.",
    "run": "Write import runpy; globals().update(runpy.run_path('FILE')).",
    "load": "Write print(open('FILE').read()) to see a file.",
    "reset": "Write del NAME for each name.",
    "debug": "There is no debugger. Read the traceback, and print values.",
    "pdb": "There is no debugger. Read the traceback, and print values.",
    "prun": "Write import cProfile; cProfile.run('STATEMENT').",
    "history": "Sources of earlier runs are not kept for reading.",
    "cython": "Install cython, and import pyximport.",
    "sql": "Use the module sqlite3.",
    "javascript": "Use the template node for JavaScript.",
    "js": "Use the template node for JavaScript.",
    "perl": "Write %%script perl.",
    "ruby": "Write %%script ruby.",
}


def unknown(magic):
    plain = HINTS.get(magic.lstrip("%"), "Write plain Python, or !COMMAND for a command line.")
    return "the magic %s does not exist here. %s" % (magic, plain)
