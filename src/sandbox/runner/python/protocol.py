# What is said on the control descriptors, in lines of JSON; main.py describes it.

from .references import os, own_function, sys

READY = b'{"ready": true, "pid": %d, "protocol": 2}\n' % os.getpid()


class Run:
    """One run: what the main thread and the control thread both know of it."""

    def __init__(self, request):
        self.id = request["id"]
        self.source = request["source"]
        self.mark = request["mark"].encode()
        self.where = request.get("where")
        # An interrupt has been asked for by the control thread, and: one has reached the user's code.
        self.asked = False
        self.delivered = False
        self.result = None
        self.error = None
        self.exit_code = None

    def answer(self, failure):
        return {
            "id": self.id,
            "ended": "interrupted" if self.delivered else "exited",
            "success": failure is None or self.exit_code == 0,
            "exitCode": self.exit_code,
            "result": self.result,
            "error": self.error,
            "displays": [],
        }


class Json:
    """
    Messages as lines, and lines as messages: json, whose import takes as long as all else that the runner does at its start. Of its ways
    these two can be made our own.
    """

    def __init__(self):
        present = set(sys.modules)
        import json

        # The user gets one of their own, which may be a file of that name beside theirs.
        for name in set(sys.modules) - present:
            if name.partition(".")[0] == "json":
                del sys.modules[name]
        self.encoder = json.JSONEncoder()
        self.decoder = json.JSONDecoder()
        self.parts = own_function(json.JSONEncoder.iterencode)
        self.value = own_function(json.JSONDecoder.raw_decode)

    def encode(self, message):
        return ("".join(self.parts(self.encoder, message)) + "\n").encode()

    def decode(self, line):
        """The message, or None for what is none: a line that somebody who went away had begun to write."""
        try:
            text = line.decode().strip()
            message, end = self.value(self.decoder, text)
        except Exception:
            return None
        return message if end == len(text) else None
