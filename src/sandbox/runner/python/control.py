# The control thread: reads what the host says. A request waits for the main thread; an interrupt is carried out at once, and so is what the host
# asks while something else runs beside the interpreter.

from .descriptors import read_some
from .references import os, signal
from .stdin import Input


def listen(control_in, json, requests, interrupts, taken, beside):
    """
    `taken` is called with a run's id and the number of a piece of its input that has reached it; `beside` with what is asked of a command that runs
    beside the interpreter.
    """
    # A SIGINT is the main thread's, which can hold it back.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    pending = b""
    present = None
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
                interrupts.start(message["interrupt"], message.get("once") is True)
            elif "look" in message or "moment" in message:
                beside(message)
            elif "attach" in message:
                interrupts.start(interrupts.present(), False)
                requests.put(message)
            elif "input" in message:
                if present is not None and present.id == message["input"]:
                    present.write(message["number"], message["text"])
            elif "close_input" in message:
                if present is not None and present.id == message["close_input"]:
                    present.end()
            else:
                interrupts.upcoming = message["id"]
                present = message["stdin"] = open_input(message, taken)
                requests.put(message)


def open_input(request, taken):
    if request.get("stdin") is not True:
        return None
    try:
        return Input(request["id"], taken)
    except OSError:
        # No room among the open files: it is empty then.
        return None
