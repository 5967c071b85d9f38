# Files for what is not shown, or not in full: in ~/displays, under names that are not taken.

from ..descriptors import write_all
from ..references import os

ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/svg+xml": "svg",
    "text/html": "html",
    "text/markdown": "md",
    "text/latex": "tex",
    "text/plain": "txt",
    "application/javascript": "js",
    "application/pdf": "pdf",
}


class Saving:
    def __init__(self):
        # By stem, the number of the last file.
        self.numbers = {}

    def save(self, content, stem, media_type):
        """The path of a new file that has the content, and None; or None, and why there is no such file."""
        ending = ENDINGS.get(media_type) or ("json" if media_type.endswith("json") else "bin")
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        try:
            folder = os.path.join(os.path.abspath(os.path.expanduser("~")), "displays")
            os.makedirs(folder, exist_ok=True)
            path, fd = self.open_new(folder, stem, ending)
            try:
                write_all(fd, memoryview(content))
            except BaseException:
                os.unlink(path)
                raise
            finally:
                os.close(fd)
            return path, None
        except Exception as error:
            return None, getattr(error, "strerror", None) or type(error).__name__

    def open_new(self, folder, stem, ending):
        while True:
            number = self.numbers[stem] = self.numbers.get(stem, 0) + 1
            path = os.path.join(folder, "%s-%d.%s" % (stem, number, ending))
            try:
                return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                pass
