# Hidden files beside those that they become: how they are named, and those that a write has left.

import hashlib
import os

from .paths import absolute, target_of, to_bytes

# Looks for changed files pass these over.
PREFIX = b".msb-"


def write_name(token):
    return PREFIX + b"write-" + token.encode()


def part_name(name, part_id):
    return PREFIX + b"part-" + part_id.encode() + b"-" + hashlib.sha256(name).hexdigest()[:16].encode()


def part_bytes(path, part_id):
    where = target_of(absolute(to_bytes(path)))
    try:
        found = os.lstat(os.path.join(os.path.dirname(where), part_name(os.path.basename(where), part_id)))
    except FileNotFoundError:
        return None
    return found.st_size


def discard(path, token, follow):
    """The hidden file of a write that was on when its program was killed."""
    where = absolute(to_bytes(path))
    where = target_of(where) if follow else where
    try:
        os.unlink(os.path.join(os.path.dirname(where), write_name(token)))
    except FileNotFoundError:
        pass
