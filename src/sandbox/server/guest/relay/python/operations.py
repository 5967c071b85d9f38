# What a request asks for, carried out once each and in order.

import base64
import json

from .answers import drop_output, reply
from .programs import kept_processes, send_signal, spawn, write
from .state import now, processes, state
from .sweep import sweep, terminate

# Operations that came beside, ahead of those of a request that is still on its way.
early = {}


def apply(ops):
    for op in ops:
        if op[0] > state.applied:
            early[op[0]] = op
    while state.applied + 1 in early:
        state.applied += 1
        op = early.pop(state.applied)
        what = op[1]
        if what == "spawn":
            spawn(op[2], op[3], op[4], op[5], op[6])
        elif what == "write":
            write(op[2], op[3].encode("utf-8", "surrogatepass"))
        elif what == "signal":
            send_signal(op[2], op[3], op[4])
        elif what == "mark":
            state.run_mark = state.idle_mark
            drop_output()
        elif what == "terminate":
            terminate(state.run_mark, kept_processes())
        elif what == "sweep":
            sweep(state.run_mark, kept_processes())
            state.urgent = True
        elif what == "end":
            for process in processes.values():
                process.kept = False
            sweep(state.first_mark, kept_processes())
            state.urgent = True


def receive(line):
    state.last_heard = now()
    message = json.loads(base64.b64decode(line))
    if "n" not in message:
        apply(message["o"])
        return
    state.request = message
    state.deadline = now() + message["w"] / 1000
    apply(message["o"])
    if state.page is not None and message["k"] < state.page["p"]:
        # The answer before has not arrived: its events again, and not those that came since.
        reply()
    else:
        state.page = None
