# How a failure is told: as Python does at its prompt, without a trace of the runner.

from .references import EXCEPTHOOK, OWN_FILE, sys
from .streams import print_error
from .values import RESULT_CHARACTERS

HAS_LAST_EXC = sys.version_info >= (3, 12)


def exit_code(failure):
    """Of a SystemExit."""
    if failure.code is None:
        return 0
    return failure.code & 0xFF if isinstance(failure.code, int) else 1


def report_exit(run, failure, fallback):
    run.exit_code = exit_code(failure)
    if failure.code is not None and not isinstance(failure.code, int):
        print_error(str(failure.code) + "\n", fallback)


def report(run, failure, traceback, fallback):
    """`traceback` is the module; what stderr does not take is written to the descriptor `fallback`."""
    strip_frames(failure, set())
    sys.last_type, sys.last_value, sys.last_traceback = type(failure), failure, failure.__traceback__
    if HAS_LAST_EXC:
        sys.last_exc = failure
    try:
        message = str(failure)
    except BaseException:
        message = type(failure).__name__
    try:
        text = "".join(traceback.format_exception(type(failure), failure, failure.__traceback__))
    except BaseException:
        # What the user has made of builtins is not to traceback's liking; the interpreter has a plainer way of its own.
        text = None
    run.error = {
        "type": type(failure).__name__,
        "message": message[:RESULT_CHARACTERS],
        "traceback": (text or message)[:RESULT_CHARACTERS],
    }
    hook = getattr(sys, "excepthook", EXCEPTHOOK)
    if hook is not EXCEPTHOOK or text is None:
        try:
            hook(type(failure), failure, failure.__traceback__)
            return
        except BaseException:
            pass
    print_error(text or "%s: %s\n" % (type(failure).__name__, message), fallback)


def strip_frames(error, seen):
    """Takes the runner's own frames out of an exception and out of all it is chained to."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    kept = []
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename != OWN_FILE:
            kept.append(frame)
        frame = frame.tb_next
    for entry, following in zip(kept, kept[1:] + [None]):
        entry.tb_next = following
    error.__traceback__ = kept[0] if kept else None
    strip_frames(error.__cause__, seen)
    strip_frames(error.__context__, seen)
    try:
        members = list(getattr(error, "exceptions", ()))
    except Exception:
        # Another use of the name.
        members = []
    for member in members:
        if isinstance(member, BaseException):
            strip_frames(member, seen)
