# The files of this guest for the host, by its user's rights. Requests come as lines of JSON on stdin, {"id", "op", ...}, data in them as
# base64, or behind the line if that says "raw", how many bytes. Answers go to stdout in any order: a line of JSON, {"id", "bytes", ...} or
# {"id", "error"}, and so many bytes behind it. Where stdin ends, so does the program, and what was being written is discarded.

import binascii
import errno
import fcntl
import json
import os
import queue
import signal
import threading

from .changing import move, remove
from .hidden import discard, part_bytes
from .making import make_folder, make_link
from .paths import Refusal, absolute, described, to_bytes
from .reading import Opened, Walk
from .writing import Writing

# As many requests at once, so that one that waits for a slow disk holds up no other.
WORKERS = 4
# Of all files and walks that are open, so that there are descriptors for the rest.
MAX_OPEN = 384
PIPE_BYTES = 1024 * 1024
F_SETPIPE_SZ = 1031


class Agent:
    def __init__(self):
        self.output = os.dup(1)
        os.dup2(2, 1)
        try:
            fcntl.fcntl(self.output, F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            # Not a pipe, or more than the system gives: slower, and no worse.
            pass
        self.telling = threading.Lock()
        self.opened = {}
        self.numbers = 0
        self.requests = queue.Queue(64)
        self.workers = 0

    def run(self):
        self.answer(0, {"ready": True})
        stdin = open(0, "rb", buffering=PIPE_BYTES, closefd=False)
        for line in iter(stdin.readline, b""):
            request = json.loads(line)
            if "raw" in request:
                request["data"] = stdin.read(request.pop("raw"))
            elif "data" in request:
                request["data"] = binascii.a2b_base64(request["data"])
            if self.workers == 0 or (self.workers < WORKERS and not self.requests.empty()):
                self.start_worker()
            if request["op"] == "ping":
                self.answer(request["id"], {})
            elif self.workers == 0:
                self.handle(request)
            else:
                self.requests.put(request)

    def start_worker(self):
        try:
            threading.Thread(target=self.work, daemon=True).start()
            self.workers += 1
        except RuntimeError:
            # The sandbox has as many processes as it may: one after the other, then.
            pass

    def work(self):
        while True:
            self.handle(self.requests.get())

    def handle(self, request):
        number = request.pop("id")
        try:
            told = getattr(self, "do_" + request.pop("op"))(**request)
        except Refusal as refusal:
            self.answer(number, {"error": refusal.name, **refusal.more})
        except OSError as error:
            self.answer(number, {"error": errno.errorcode.get(error.errno, "EIO")})
        except MemoryError:
            self.answer(number, {"error": "ENOMEM"})
        except Exception:
            # Whoever asked must not wait for ever.
            self.answer(number, {"error": "EIO"})
        else:
            if isinstance(told, bytes):
                self.answer(number, {}, told)
            else:
                self.answer(number, told or {})

    def answer(self, number, told, data=b""):
        line = json.dumps({"id": number, "bytes": len(data), **told}).encode() + b"\n"
        with self.telling:
            for view in (memoryview(line), memoryview(data)):
                while view:
                    view = view[os.write(self.output, view) :]

    def keep(self, what):
        if len(self.opened) >= MAX_OPEN:
            what.cancel() if isinstance(what, Writing) else what.close()
            raise Refusal("EMFILE")
        self.numbers += 1
        number = self.numbers
        self.opened[number] = what
        return number

    def end(self):
        for what in list(self.opened.values()):
            what.cancel() if isinstance(what, Writing) else what.close()

    def do_stat(self, path):
        where = absolute(to_bytes(path))
        return {"info": described(where, os.stat(where))}

    def do_open(self, path):
        opened = Opened(path)
        return {"info": opened.info, "handle": self.keep(opened)}

    def do_read(self, handle, offset, length):
        return self.opened[handle].read(offset, length)

    def do_walk(self, path, depth, skip):
        return {"handle": self.keep(Walk(path, depth, skip))}

    def do_next(self, handle):
        return json.dumps(self.opened[handle].next()).encode()

    def do_close(self, handle):
        self.opened.pop(handle).close()

    def do_write(self, **options):
        return {"handle": self.keep(Writing(**options))}

    def do_data(self, handle, offset, data):
        self.opened[handle].add(offset, data)

    def do_finish(self, handle, isLast):
        return {"info": self.opened.pop(handle).finish(isLast)}

    def do_cancel(self, handle):
        self.opened.pop(handle).cancel()

    def do_part(self, path, part):
        return {"partBytes": part_bytes(path, part)}

    def do_discard(self, **options):
        discard(**options)

    def do_folder(self, path):
        make_folder(to_bytes(path))

    def do_link(self, **options):
        make_link(**options)

    def do_remove(self, **options):
        remove(**options)

    def do_move(self, **options):
        move(**options)


def main():
    # What is typed at the program that started this is not for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o022)
    agent = Agent()
    try:
        agent.run()
    finally:
        agent.end()
        # Whatever its threads still do.
        os._exit(0)


main()
