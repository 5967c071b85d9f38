# The control thread: reads what the host says. A request waits for the main thread; an interrupt is carried out at once.

from .descriptors import read_some
from .references import os


def listen(control_in, json, requests, interrupts):
    pending = b""
    while True:
        chunk = read_some(control_in)
        if not chunk:
            os._exit(0)
        *lines, pending = (pending + chunk).split(b"\n") if b"\n" in chunk else [pending + chunk]
        for line in lines:
            message = json.decode(line)
            if message is None:
                continue
            if "interrupt" in message:
                interrupts.start(message["interrupt"])
            elif "attach" in message:
                interrupts.start(interrupts.present())
                requests.put(message)
            else:
                interrupts.upcoming = message["id"]
                requests.put(message)
