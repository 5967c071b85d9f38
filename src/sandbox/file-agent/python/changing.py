# What is removed and moved.

import errno
import os
import secrets
import shutil
import stat

from .hidden import PREFIX
from .making import link_new
from .paths import Refusal, absolute, refuse, to_bytes


def remove(path, withContent):
    where = absolute(to_bytes(path))
    if not stat.S_ISDIR(os.lstat(where).st_mode):
        os.unlink(where)
    elif withContent:
        shutil.rmtree(where)
    else:
        os.rmdir(where)


def move(source, target, replace):
    try:
        source = absolute(to_bytes(source))
        kind = os.lstat(source).st_mode
    except OSError as error:
        raise Refusal(errno.errorcode.get(error.errno, "EIO"), at="from")
    target = absolute(to_bytes(target))
    if source == target:
        return
    if (target + b"/").startswith(source + b"/"):
        raise Refusal("EINTOITSELF")
    if not replace and os.path.lexists(target):
        refuse(errno.EEXIST)
    try:
        rename(source, target, replace or stat.S_ISDIR(kind))
    except OSError as error:
        if error.errno == errno.EXDEV:
            return move_over(source, target, replace)
        if error.errno == errno.EEXIST and replace:
            refuse(errno.ENOTEMPTY)
        if error.errno == errno.EINVAL:
            raise Refusal("EINTOITSELF")
        raise


def rename(source, target, may_replace):
    if may_replace:
        os.rename(source, target)
    else:
        link_new(source, target, None, None)


def move_over(source, target, replace):
    """To another file system: whole beside its new name first."""
    temp = os.path.join(os.path.dirname(target), PREFIX + b"move-" + secrets.token_hex(8).encode())
    mode = os.lstat(source).st_mode
    try:
        if stat.S_ISDIR(mode):
            shutil.copytree(source, temp, symlinks=True)
        elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            shutil.copy2(source, temp, follow_symlinks=False)
        else:
            raise Refusal("ESPECIAL")
        rename(temp, target, replace or stat.S_ISDIR(mode))
    except shutil.Error:
        # Of all that went wrong in it, as texts.
        raise Refusal("EIO")
    finally:
        remove_any(temp)
    remove_any(source)


def remove_any(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
