# What a request asks for, carried out once each and in order.

import base64
import json
import zlib

from .answers import reply, set_output_apart
from .programs import close_stdin, kept_processes, kill, scope_of, send_signal, spawn, write
from .reading import cut
from .state import now, processes, state
from .sweep import ALL, Scope, moment, sweep

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
            spawn(*op[2:])
        elif what == "write":
            write(op[2], op[3].encode("utf-8", "surrogatepass"), op[4])
        elif what == "close":
            close_stdin(op[2])
        elif what == "kill":
            kill(op[2])
        elif what == "signal":
            send_signal(op[2], op[3], op[4])
        elif what == "mark":
            state.run_mark = moment()
            set_output_apart()
        elif what == "sweep":
            sweep(scope_of(op[2], op[3]))
            state.urgent = True
        elif what == "cut":
            cut(op[2])
        elif what == "end":
            for process in processes.values():
                process.kept = False
            sweep(Scope(ALL, state.first_mark, True, {}, kept_processes()))
            state.urgent = True


def receive(line):
    state.last_heard = now()
    # A long one is deflated.
    text = zlib.decompress(base64.b64decode(line[1:]), -15) if line.startswith(b"~") else base64.b64decode(line)
    message = json.loads(text)
    if "n" not in message:
        apply(message["o"])
        if not message["o"]:
            state.urgent = True
        return
    state.request = message
    state.deadline = now() + message["w"] / 1000
    apply(message["o"])
    if state.page is not None and message["k"] < state.page["p"]:
        # The answer before has not arrived: its events again, and not those that came since.
        reply()
    else:
        state.page = None
