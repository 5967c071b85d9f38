# Paths as the host says them and as the system has them, and what is told of what is there.

import os
import stat

# As many links as Linux follows.
MAX_LINKS = 40
HOME = os.fsencode(os.environ.get("HOME") or os.getcwd())


class Refusal(Exception):
    """An error of ours, by its name; `more` goes into the answer."""

    def __init__(self, name, **more):
        super().__init__(name)
        self.name = name
        self.more = more


def refuse(number):
    """An error as the system would say it."""
    raise OSError(number, os.strerror(number))


def to_bytes(path):
    return path.encode("utf-8", "surrogateescape")


def to_text(path):
    return path.decode("utf-8", "surrogateescape")


def absolute(path):
    """Without "." and "..", which leads where the system would: up from where a link has led."""
    names = []
    for name in os.path.join(HOME, path).split(b"/"):
        if name == b"..":
            so_far = b"/" + b"/".join(names)
            if os.path.islink(so_far):
                names = [part for part in os.path.realpath(so_far).split(b"/") if part]
                so_far = b"/" + b"/".join(names)
            if not stat.S_ISDIR(os.stat(so_far).st_mode):
                refuse(20)
            del names[-1:]
        elif name not in (b"", b"."):
            names.append(name)
    return b"/" + b"/".join(names)


def target_of(path):
    """Where the links at a path's end lead, also to what is not there yet."""
    for _ in range(MAX_LINKS):
        try:
            link = os.readlink(path)
        except OSError as error:
            if error.errno in (2, 22):
                return path
            raise
        path = os.path.join(os.path.dirname(path), link)
    raise Refusal("ELOOP")


def kind_of(mode):
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def version_of(found):
    return "%x-%x-%x-%x" % (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def described(path, found, link=None):
    kind = kind_of(found.st_mode)
    told = {
        "path": to_text(path),
        "kind": kind,
        "sizeBytes": found.st_size if kind in ("file", "link") else 0,
        "modifiedMs": found.st_mtime_ns // 1000000,
        "permissions": stat.S_IMODE(found.st_mode),
        "version": version_of(found),
    }
    if link is not None:
        told["target"] = to_text(link)
    return told
