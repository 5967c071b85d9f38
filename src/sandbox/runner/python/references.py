# What the runner uses of Python, as it was at the start: whatever the user puts in the place of builtins and of what modules have, the runner
# goes on with these. It is the one place that imports at the start; nothing here takes long to import.

import sys

# The runner's own folder must not shadow what it imports; the user gets the working directory, as at the prompt.
if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]

# Without signal.py in front of it, whose functions find their builtins where the user can replace them.
import _signal as signal
import _thread
import builtins
import fcntl
import io
import os
import select
import time
from contextvars import copy_context


def own(module):
    """A copy that does not change with the module."""
    copy = type(sys)(module.__name__)
    copy.__dict__.update(module.__dict__)
    return copy


# For all functions of the runner, which find their builtins here.
__builtins__ = dict(builtins.__dict__)


def own_function(function):
    """A function of Python's library that does not change with its module, nor with builtins."""
    names = {**function.__globals__, "__builtins__": __builtins__}
    return type(function)(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


signal, _thread, fcntl, io, os, select, time = map(own, (signal, _thread, fcntl, io, os, select, time))
same_file = os.path.samestat
EXCEPTHOOK = sys.excepthook
STANDARD_PATH = sys.path[:]
# The runner is one file, whichever of its parts a function is in.
OWN_FILE = own.__code__.co_filename
