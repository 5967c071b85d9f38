# What programs have printed and how they ended, on its way to whoever asks.

import base64
import json
import os
import select

from .state import CHUNK_BYTES, DATA, HELD_BYTES, LISTENER_S, OUTPUT, PAGE_BYTES, events, now, poller, processes, readers, state


def emit(event):
    if not state.held and not events:
        state.held_since = now()
    kind = event[0]
    if kind not in OUTPUT:
        state.urgent = True
    else:
        state.held += len(event[2])
        if events and events[-1][0] == kind and events[-1][1] == event[1] and len(events[-1][2]) < CHUNK_BYTES:
            events[-1][2] += event[2]
            return
    events.append(event)


# What the interpreter's processes have printed before a run of code is none of its own.
def set_output_apart():
    for event in events:
        if event[0] in "oe" and event[1] in processes and processes[event[1]].interpreter:
            event[0] = event[0].upper()


def pause(now_paused):
    if now_paused != state.paused:
        state.paused = now_paused
        for fd, (kind, _) in readers.items():
            if kind != "c":
                poller.modify(fd, 0 if state.paused else select.EPOLLIN)


def listened():
    return state.request is not None or now() - state.last_heard < LISTENER_S


def answer():
    taken = []
    size = 0
    while events and size < PAGE_BYTES:
        event = events.popleft()
        if event[0] in DATA:
            size += len(event[2])
            if event[0] in OUTPUT:
                state.held -= len(event[2])
            event = [event[0], event[1], base64.b64encode(event[2]).decode()]
        taken.append(event)
    state.urgent = any(event[0] not in OUTPUT for event in events)
    state.held_since = now()
    state.page_number += 1
    state.page = {"p": state.page_number, "e": taken}
    reply()
    if state.held < HELD_BYTES:
        pause(False)


def reply():
    state.page["a"] = state.applied
    line = (state.request["n"] + json.dumps(state.page, separators=(",", ":")) + "\n").encode()
    state.request = None
    while line:
        line = line[os.write(1, line) :]
