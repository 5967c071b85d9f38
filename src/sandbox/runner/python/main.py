# The Python runner: an interpreter that keeps its state, spoken to in lines of JSON.
#
# Control-in is descriptor 0 and control-out descriptor 3 at the start; both are moved out of the user's reach, and descriptor 0 becomes empty. One
# request a line:
#
#     {"id": "…", "source": "…", "mark": "…", "where": "stdout" or "control", "stdin": true or absent, "volumes": […] or absent}
#                           run a source; when it has ended, write the mark to stderr, and the mark and a line to stdout: the answer, if it
#                           is to come there and can be written in one piece, otherwise nothing, and the answer comes on control-out
#     {"interrupt": "…", "once": true or absent}
#                           raise KeyboardInterrupt in the run of that id; without effect on any other. Unless once, raise it again if the run goes on
#     {"input": "…", "number": …, "text": "…"}
#                           write text to the standard input of the run of that id, then say {"id": "…", "taken": number} on control-out
#     {"close_input": "…"}  end that input
#     {"moment": "…"}       tell the time here: {"moment": "…", "ms": Unix milliseconds}
#     {"look": "…", "since_ms": …, "begun_ms": …, "volumes": […] or absent}
#                           tell what has changed since a command began, as {"look": "…"}, with "changes" as an answer has them. It began at
#                           begun_ms at the latest, and stamps of files from since_ms on may be its. Asked and answered while no source runs
#     {"attach": "…"}       somebody new is at the other end: interrupt whatever runs, then write this mark to stdout and stderr and say
#                           that it is ready, as at the start
#
# A line that is not JSON is what somebody who went away had begun to say, and is passed over. The first line on control-out is {"ready": true, "pid": …,
# "protocol": 4}. An answer is {"id", "ended", "success", "exitCode", "result", "error"}, and where the run has changed files
# "changes": {"files": [[path, bytes], …], "complete"}, which is null if they could not be told.
# What a run shows beside its output is told at once, as {"id", "display": {"number", "data", "path"?, "note"?}} on control-out and then the mark
# and "d", the number and a line break on stdout, where it belongs. Numbers count from 1. Behind a display, the answer comes on control-out.
# A SIGINT is the user's, whoever has sent it: Python's own handler answers it, or one that the user has set, and between runs nothing does. Our own
# interrupts come as another signal. All sources share one context (contextvars). End of control-in ends the process. Standard library only,
# Python 3.8 and later.
#
# What a first `1+1` can do without is imported later (`Runner.prepare`): in a new microVM, imports take as long as Python's own start.

from .descriptors import take_away
from .references import os, sys
from .runner import Runner


def main():
    control_in, control_out = take_away(0), take_away(3)
    os.close(3)
    outputs = [take_away(1), take_away(2)]
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    Runner(control_in, control_out, outputs).serve()


if __name__ == "__main__":
    # From a frame of other globals: before Python 3.10, a function has the builtins of a caller in the same module.
    eval("main()", {"main": main})
