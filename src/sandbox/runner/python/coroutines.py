# Sources that await: they share one event loop, which stands still between them.

from .references import sys

# inspect.CO_COROUTINE, of a code object.
COROUTINE = 0x80
# Before Python 3.11 a task has a context of its own.
HAS_TASK_CONTEXT = sys.version_info >= (3, 11)


class Coroutines:
    def __init__(self, context):
        self.context = context
        self.loop = None
        self.task = None

    def execute(self, codes, names, show):
        """Evaluates the codes with `names`, and shows what the last one gives."""
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        outcome = []
        coroutine = evaluate_async(codes, names, show, outcome)
        # Not by the loop's create_task: a factory of the user's may not know of contexts.
        if HAS_TASK_CONTEXT:
            self.task = asyncio.Task(coroutine, loop=self.loop, context=self.context)
        else:
            self.task = asyncio.Task(InContext(coroutine, self.context), loop=self.loop)
        try:
            self.loop.run_until_complete(self.task)
        except BaseException as error:
            # Raised by the loop itself, or by another task: the user's coroutine still waits.
            outcome.append(error)
            if not self.task.done():
                self.task.cancel()
                self.loop.run_until_complete(asyncio.wait([self.task], timeout=0.2))
        finally:
            self.task = None
        if outcome:
            raise outcome[0]

    def cancel(self):
        """From a signal's handler."""
        self.loop.call_soon_threadsafe(self.task.cancel)


async def evaluate_async(codes, names, show, outcome):
    try:
        value = None
        for code in codes:
            value = eval(code, names)
            if code.co_flags & COROUTINE:
                value = await value
        show(value)
    except BaseException as error:
        # Kept from asyncio, which would let SystemExit and KeyboardInterrupt tear the loop.
        outcome.append(error)


class InContext:
    """A coroutine whose steps are taken in a context that it shares with others."""

    def __init__(self, coroutine, context):
        self.coroutine = coroutine
        self.context = context

    def send(self, value):
        return self.context.run(self.coroutine.send, value)

    def throw(self, *error):
        return self.context.run(self.coroutine.throw, *error)

    def close(self):
        return self.context.run(self.coroutine.close)

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)
