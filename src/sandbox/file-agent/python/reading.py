# Files that are read, by numbers that the host gives, and folders that are walked through.

import os
import stat

from .paths import Refusal, absolute, described, refuse, to_bytes

# Bounds one answer of a walk.
WALK_ENTRIES = 256
WALK_BYTES = 64 * 1024


class Opened:
    def __init__(self, path):
        where = absolute(to_bytes(path))
        # Nobody waits for the other end of a pipe, and a device that is opened may do something: looked at before, and again after.
        only_regular(os.stat(where).st_mode)
        self.descriptor = os.open(where, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            found = os.fstat(self.descriptor)
            only_regular(found.st_mode)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.info = described(where, found)

    def read(self, offset, length):
        pieces, missing = [], length
        while missing > 0:
            piece = os.pread(self.descriptor, missing, offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            missing -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self):
        os.close(self.descriptor)


def only_regular(mode):
    if stat.S_ISDIR(mode):
        refuse(21)
    if not stat.S_ISREG(mode):
        raise Refusal("ESPECIAL")


class Walk:
    """A folder's entries and those below, of each folder but the names at once."""

    def __init__(self, path, depth, skip):
        where = absolute(to_bytes(path))
        self.skip = {to_bytes(name) for name in skip}
        self.depth = depth
        # Of each folder on the way: its path, and the names that are left, the next one last.
        self.open = [(where, names_in(where))]

    def next(self):
        """Some more; none at the end."""
        entries, size = [], 0
        while self.open and len(entries) < WALK_ENTRIES and size < WALK_BYTES:
            folder, names = self.open[-1]
            if not names:
                self.open.pop()
                continue
            name = names.pop()
            path = os.path.join(folder, name)
            try:
                found = os.lstat(path)
                link = os.readlink(path) if stat.S_ISLNK(found.st_mode) else None
            except OSError:
                # It has gone, or may not even be looked at.
                continue
            entries.append(described(path, found, link))
            size += len(path)
            if stat.S_ISDIR(found.st_mode) and len(self.open) < self.depth and name not in self.skip:
                try:
                    self.open.append((path, names_in(path)))
                except OSError:
                    continue
        return entries

    def close(self):
        self.open = []


def names_in(folder):
    return sorted(os.listdir(folder), reverse=True)
