# How a value is shown: as the prompt does, and kept for the answer.

from .references import builtins, os, same_file, sys

# What an answer may carry of a value and of a traceback, in characters; the whole of it has been printed.
RESULT_CHARACTERS = 64 * 1024
# A last value of so many characters goes out in one piece with the mark and the answer: a message less to whoever reads.
LAST_WORDS_CHARACTERS = 1024


class Values:
    def __init__(self, output, showing):
        # Our own duplicate of descriptor 1.
        self.output = output
        self.stdout = sys.stdout
        self.showing = showing
        # The run whose values these are, or None.
        self.run = None
        # What is yet to be written to stdout, before the mark.
        self.last_words = b""

    def begin(self, run):
        self.run = run
        self.last_words = b""

    def show(self, value):
        """Shows the value of a last expression."""
        if getattr(sys.displayhook, "__func__", None) is Values.display:
            self.display(value, True)
        else:
            sys.displayhook(value)

    def display(self, value, is_last=False):
        """sys.displayhook, which also keeps what it prints."""
        if value is None:
            return
        builtins._ = None
        text = repr(value)
        has_forms = is_last and self.showing.has_forms(value)
        if self.run is not None:
            self.run.result = text[:RESULT_CHARACTERS]
        if is_last and not has_forms and self.goes_with_mark(text):
            self.last_words = (text + "\n").encode()
        elif sys.stdout is not None:
            try:
                sys.stdout.write(text)
            except UnicodeEncodeError:
                encoding = sys.stdout.encoding or "utf-8"
                sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.write("\n")
        builtins._ = value
        if has_forms:
            self.showing.show(value)

    def goes_with_mark(self, text):
        """Whether the text is short, and would be written as it is to where the mark will be: never in a fork, which has no marks to write."""
        stream = sys.stdout
        if len(text) > LAST_WORDS_CHARACTERS or not text.isascii() or stream is not self.stdout:
            return False
        try:
            if stream.encoding != "utf-8" or "write" in vars(stream):
                return False
            return same_file(os.fstat(1), os.fstat(self.output))
        except (OSError, ValueError):
            return False
