# Warnings of those who draw, and of values' own methods: they name their caller, which is the runner, and are told without it.

from ..references import OWN_FILE, _thread
from ..streams import print_error


def with_warnings(runner, call, *arguments):
    """Calls, and then tells the warnings that there were, each once."""
    if _thread.get_ident() != runner.interrupts.main_thread:
        # To record them is for one thread only.
        call(*arguments)
        return
    import warnings

    caught = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            call(*arguments)
    finally:
        for name, message, at in dict.fromkeys(map(told_warning, caught)):
            place = "" if at is None else "%s:%d: " % at
            print_error("%s%s: %s\n" % (place, name, message), runner.outputs[1])


def told_warning(warning):
    at = None if warning.filename == OWN_FILE else (warning.filename, warning.lineno)
    return warning.category.__name__, str(warning.message), at
