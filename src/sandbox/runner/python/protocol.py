# What is said on the control descriptors, in lines of JSON; main.py describes it.

from .references import os, own_function, sys

READY = b'{"ready": true, "pid": %d, "protocol": 4}\n' % os.getpid()


class Run:
    """One run: what the main thread and the control thread both know of it."""

    def __init__(self, request):
        self.id = request["id"]
        self.source = request["source"]
        self.mark = request["mark"].encode()
        self.where = request.get("where")
        # Shared folders, as they are called here.
        self.volumes = request.get("volumes", ())
        # Or None, for an empty one.
        self.stdin = request["stdin"]
        # An interrupt has been asked for by the control thread, and: one has reached the user's code.
        self.asked = False
        self.delivered = False
        # Something, beside its output.
        self.has_shown = False
        self.result = None
        self.error = None
        self.exit_code = None

    def answer(self, failure, changes):
        answer = {
            "id": self.id,
            "ended": "interrupted" if self.delivered else "exited",
            "success": failure is None or self.exit_code == 0,
            "exitCode": self.exit_code,
            "result": self.result,
            "error": self.error,
        }
        return with_changes(answer, changes)


def with_changes(message, changes):
    """Most runs change no file, and what is said of them stays plain."""
    return message if changes is None else {**message, "changes": changes}


class Json:
    """
    Messages as lines, and lines as messages. To import json takes longer than all else that the runner does at its start, so a first request and
    a plain answer do without: the host's JSON is an expression of Python's, too, but for three names.
    """

    def __init__(self):
        # Of json's ways the two that look up no builtins; None before it has been imported.
        self.parts = None
        self.value = None

    def prepare(self):
        present = set(sys.modules)
        import json

        # The user gets one of their own, which may be a file of that name beside theirs.
        for name in set(sys.modules) - present:
            if name.partition(".")[0] == "json":
                del sys.modules[name]
        self.encoder, self.parts = json.JSONEncoder(), own_function(json.JSONEncoder.iterencode)
        self.decoder, self.value = json.JSONDecoder(), own_function(json.JSONDecoder.raw_decode)

    def encode(self, message, prepare):
        """`prepare` imports json, if there is room for that; a result that cannot be told without is left out, as it has been printed."""
        line = plain_line(message)
        if line is None:
            prepare()
            if self.parts is None:
                line = plain_line({**message, "result": None, "error": None, "changes": None})
            else:
                line = "".join(self.parts(self.encoder, message))
        return (line + "\n").encode()

    def decode(self, line):
        """The message, or None for what is none: a line that somebody who went away had begun to write."""
        try:
            text = line.decode().strip()
            if self.value is None:
                message, end = eval(text, {"__builtins__": {}, **JSON_NAMES}), len(text)
            else:
                message, end = self.value(self.decoder, text)
        except Exception:
            return None
        return message if isinstance(message, dict) and end == len(text) else None


JSON_NAMES = {"null": None, "true": True, "false": False}


def plain_line(message):
    """The JSON of a message whose strings need no escape; None for any other."""
    members = []
    for name, value in message.items():
        if isinstance(value, str):
            if not (value.isascii() and value.isprintable()) or '"' in value or "\\" in value:
                return None
            text = '"%s"' % value
        elif value is None or value is True or value is False:
            text = "null" if value is None else "true" if value else "false"
        elif isinstance(value, int) or value == []:
            text = str(value)
        else:
            return None
        members.append('"%s": %s' % (name, text))
    return "{%s}" % ", ".join(members)
