# Names where nothing was: folders, and a file's last step.

import errno
import os

from .paths import absolute, refuse, to_bytes

# What systems say that cannot give a file a second name.
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def make_folder(path):
    where = absolute(path)
    try:
        os.makedirs(where)
    except FileExistsError:
        if not os.path.isdir(where):
            # In the way is the last name, or one before it.
            refuse(errno.EEXIST if os.path.lexists(where) else errno.ENOTDIR)


def make_link(path, target):
    os.symlink(to_bytes(target), absolute(to_bytes(path)))


def link_new(source, target, source_folder, target_folder):
    """Gives a file its name only if nothing has that."""
    try:
        os.link(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(target, FLAGS | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=target_folder))
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
    else:
        os.unlink(source, dir_fd=source_folder)
