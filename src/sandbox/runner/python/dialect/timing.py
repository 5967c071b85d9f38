# %time and %timeit.

from ..references import time
from .modules import re, resource, timeit

UNITS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
REPEATS = 7


def moment():
    # With the processes that were waited for.
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime for one in used), sum(one.ru_stime for one in used)


def time_text(begun):
    wall, user, system = [now - before for now, before in zip(moment(), begun)]
    cpu = "user %s, sys: %s, total: %s" % (duration(user), duration(system), duration(user + system))
    return "CPU times: %s\nWall time: %s" % (cpu, duration(wall))


def duration(seconds):
    if seconds >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return "%dmin %ds" % (minutes, rest)
    for size, unit in UNITS:
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.3g ns" % (seconds * 1e9)


def measure(argument, setup, names):
    """`argument`: options, then the statement. Returns what is to be printed."""
    loops, repeats = 0, REPEATS
    option = re.match(r"-([nr])\s*(\d+)\s+|-[qo]\s+", argument)
    while option is not None:
        argument = argument[option.end() :]
        if option.group(1) == "n":
            loops = int(option.group(2))
        elif option.group(1) == "r":
            repeats = max(1, int(option.group(2)))
        option = re.match(r"-([nr])\s*(\d+)\s+|-[qo]\s+", argument)
    timer = timeit.Timer(argument or "pass", setup or "pass", globals=names)
    if loops < 1:
        loops, _ = timer.autorange()
    runs = [total / loops for total in timer.repeat(repeats, loops)]
    mean = sum(runs) / len(runs)
    deviation = (sum([(run - mean) ** 2 for run in runs]) / len(runs)) ** 0.5
    counted = "%d run%s, %s loop%s each" % (len(runs), "s"[: len(runs) != 1], format(loops, ","), "s"[: loops != 1])
    return "%s ± %s per loop (mean ± std. dev. of %s)" % (duration(mean), duration(deviation), counted)
