# Requests on their way from the thread that reads them to the one that runs them.

from .references import _thread


class Mailbox:
    def __init__(self):
        self.messages = []
        # Locked while there is nothing to take.
        self.something = _thread.allocate_lock()
        self.something.acquire()

    def put(self, message):
        """For one thread only."""
        self.messages.append(message)
        try:
            self.something.release()
        except RuntimeError:
            # It is known already that there is something.
            pass

    def take(self, timeout=-1):
        """The oldest message, for one other thread; None if none has come within the timeout, in seconds."""
        while not self.messages:
            if not self.something.acquire(True, timeout):
                return None
        return self.messages.pop(0)
