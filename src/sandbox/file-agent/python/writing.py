# Files that are written: to a hidden file beside the name, which takes the name when all has come.

import errno
import os
import stat

from .hidden import part_name, write_name
from .making import FLAGS, link_new, make_folder
from .paths import Refusal, absolute, described, refuse, target_of, to_bytes, version_of
from .reading import only_regular

COPY_BYTES = 1024 * 1024


class Writing:
    """`token` names the hidden file: the host knows it, to have it removed when this program has been killed."""

    def __init__(self, path, token, mode, makeFolders, permissions=0o644, ifVersion=None, part=None):
        if path.endswith("/"):
            refuse(errno.EISDIR)
        self.mode, self.permissions, self.if_version = mode, permissions, ifVersion
        self.path = to_bytes(path)
        if makeFolders:
            try:
                make_folder(os.path.dirname(self.path) or b".")
            except FileExistsError:
                refuse(errno.ENOTDIR)
        self.shown = absolute(self.path)
        where = self.shown if mode == "new" else target_of(self.shown)
        self.name = os.path.basename(where)
        if not self.name:
            refuse(errno.EISDIR)
        if len(self.name) > 255:
            refuse(errno.ENAMETOOLONG)
        # Relative to it, so that no link that comes meanwhile parts the hidden file from the name.
        self.folder = os.open(os.path.dirname(where), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.descriptor = None
        try:
            self.refuse_if_unwritable()
            self.is_part = part is not None
            if part is None:
                self.temp = write_name(token)
                flags, first = FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0
            else:
                self.temp = part_name(self.name, part["id"])
                flags, first = FLAGS | os.O_RDWR | os.O_CREAT, part["offset"]
            self.descriptor = os.open(self.temp, flags, 0o600, dir_fd=self.folder)
            if part is not None:
                self.begin_part(first)
            self.first = first
            self.length = first
        except BaseException:
            self.close()
            raise

    def begin_part(self, offset):
        found = os.fstat(self.descriptor)
        only_regular(found.st_mode)
        if offset > found.st_size:
            if found.st_size == 0:
                os.unlink(self.temp, dir_fd=self.folder)
            raise Refusal("EPARTMISMATCH", bytesSoFar=found.st_size)
        os.ftruncate(self.descriptor, offset)

    def refuse_if_unwritable(self):
        """Also for its end, as the name may have come meanwhile. What is there, or None."""
        try:
            found = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if self.mode == "new":
            refuse(errno.EEXIST)
        if stat.S_ISLNK(found.st_mode):
            # It has come since the links were followed.
            raise Refusal("ELOOP")
        only_regular(found.st_mode)
        if not os.access(self.name, os.W_OK, dir_fd=self.folder):
            read_only = os.fstatvfs(self.folder).f_flag & os.ST_RDONLY
            refuse(errno.EROFS if read_only else errno.EACCES)
        return found

    def add(self, offset, data):
        offset += self.first
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, offset)
            view = view[written:]
            offset += written
        self.length = max(self.length, offset)

    def finish(self, isLast):
        try:
            if self.is_part and not isLast:
                return described(self.shown, os.fstat(self.descriptor))
            if self.mode == "append":
                self.append()
            else:
                self.take_name()
            return described(self.shown, os.stat(self.name, dir_fd=self.folder))
        finally:
            self.cancel()

    def take_name(self):
        old = self.refuse_if_unwritable()
        if self.if_version is not None and (old is None or version_of(old) != self.if_version):
            raise Refusal("ECHANGED")
        if old is None:
            os.fchmod(self.descriptor, self.permissions)
        else:
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(self.descriptor, old.st_uid, old.st_gid)
                except OSError:
                    # Not everybody may; the content counts.
                    pass
            os.fchmod(self.descriptor, stat.S_IMODE(old.st_mode))
        if self.mode == "new":
            link_new(self.temp, self.name, self.folder, self.folder)
        else:
            os.rename(self.temp, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def append(self):
        flags = FLAGS | os.O_WRONLY | os.O_APPEND
        try:
            target = os.open(self.name, flags, dir_fd=self.folder)
        except FileNotFoundError:
            try:
                os.fchmod(self.descriptor, self.permissions)
                return link_new(self.temp, self.name, self.folder, self.folder)
            except FileExistsError:
                target = os.open(self.name, flags, dir_fd=self.folder)
        try:
            found = os.fstat(target)
            only_regular(found.st_mode)
            try:
                for offset in range(0, self.length, COPY_BYTES):
                    view = memoryview(os.pread(self.descriptor, COPY_BYTES, offset))
                    while view:
                        view = view[os.write(target, view) :]
            except BaseException:
                os.ftruncate(target, found.st_size)
                raise
        finally:
            os.close(target)

    def cancel(self):
        """What has come of a part stays."""
        if not self.is_part and self.descriptor is not None:
            try:
                os.unlink(self.temp, dir_fd=self.folder)
            except OSError:
                # It has taken the name.
                pass
        self.close()

    def close(self):
        for descriptor in (self.descriptor, self.folder):
            if descriptor is not None:
                os.close(descriptor)
        self.descriptor = self.folder = None
