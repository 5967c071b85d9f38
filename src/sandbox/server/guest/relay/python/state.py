# What the relay knows: the programs that run, what they have printed, who asks.

import select

import collections
import select
import sys
import time

# Bounds the output of programs that waits to be fetched, in bytes; beyond it they wait in their writes.
HELD_BYTES = 1 << 20
# Bounds one answer, in bytes of output before its encoding.
PAGE_BYTES = 512 << 10
CHUNK_BYTES = 64 << 10
# How long output waits for more of it before it is sent, in seconds: progress is live, but not a request a line.
GATHER_S = 0.02
# Without a request for so long nobody listens, and output beyond HELD_BYTES is thrown away instead of stopping its program.
LISTENER_S = 10.0
# Programs that have ended but whose output something in the background still holds; the oldest loses it beyond that.
LINGERING = 256
# Bounds what is remembered of where programs began; more are never on at once.
ORIGINS = 1024
# Events by their kinds: of programs' output (O and E are what the interpreter has printed before a run), and those that carry bytes.
OUTPUT = "oeOE"
DATA = OUTPUT + "c"

now = time.monotonic
folder = sys.argv[1]


class Process:
    def __init__(self, pid, stdin, outs, control, tool, kills):
        self.pid = pid
        self.stdin = stdin
        self.unwritten = b""
        self.closing = False
        # How much has been asked to be written and has been, in bytes, and at which counts somebody is to be told.
        self.asked = 0
        self.written = 0
        self.tell_at = collections.deque()
        self.outs = outs
        # The interpreter, and what works for the host: no part of any run, and nothing that it says is lost.
        self.interpreter = control
        self.tool = tool
        # Stays when a run's processes are ended.
        self.kept = control or tool
        self.kills = kills
        self.told = True
        # Its end has been told, but not that of its output.
        self.lingers = False


class State:
    def __init__(self):
        # Bytes of output in `events`, and since when the oldest of them waits.
        self.held = 0
        self.held_since = 0.0
        # Something is to be told at once.
        self.urgent = False
        # The programs' output is not read at present.
        self.paused = False
        # The request that is open, and when it is to be answered at the latest.
        self.request = None
        self.deadline = 0.0
        self.last_heard = now()
        # The number of the last operation that has been carried out.
        self.applied = 0
        # The last answer.
        self.page_number = 0
        self.page = None
        self.first_mark = self.run_mark = (0, 0)


state = State()
processes = {}
# The first process of each program and the moment before it, also of those that have ended.
origins = {}
readers = {}
writers = {}
poller = select.epoll()
events = collections.deque()
